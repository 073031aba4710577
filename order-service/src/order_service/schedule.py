"""What the worker runs, and how often."""

import threading
import time

import structlog

from order_service.application.measure_payments import MeasurePayments
from order_service.application.settle_hinted_payments import SettleHintedPayments
from order_service.application.settle_unsettled_payments import LookUps, SettleUnsettledPayments
from servicekit.backoff import Backoff
from servicekit.db.errors import may_pass
from servicekit.lifecycle import StopSignal

INTERVAL_SECONDS = 2.0
HINTS_INTERVAL_SECONDS = 0.5
BACKOFF = Backoff(first_seconds=0.2, longest_seconds=5.0)

_log = structlog.get_logger(__name__)


def run_until_stopped(
    settle: SettleUnsettledPayments, measure: MeasurePayments, stop: StopSignal, per_second: int
) -> None:
    """Settle and measure at each interval, and again while more is due: up to so many look-ups a second.

    An unavailable or busy database delays the work. Raises any other error, which is a bug.
    """
    failures = 0
    while not stop.is_set():
        began_seconds = time.monotonic()
        try:
            done = settle()
            measure()
        except Exception as error:
            if not may_pass(error):
                raise
            failures += 1
            _log.warning("payments_postponed", reason=type(error).__name__, attempt=failures)
            stop.wait(BACKOFF.seconds(failures))
            continue
        failures = 0
        if done.looked_up:
            _log.info("payments_looked_up", looked_up=done.looked_up, settled=done.settled)
        stop.wait(pause_seconds(done, time.monotonic() - began_seconds, per_second))


def pause_seconds(done: LookUps, past_seconds: float, per_second: int) -> float:
    """From a run that has taken ``past_seconds`` to the next one."""
    if done.looked_up == 0 or done.is_gateway_away:
        return INTERVAL_SECONDS
    return max(0.0, done.looked_up / per_second - past_seconds)


class HintThread(threading.Thread):
    """Follows the hints of one gateway until ``stop`` is set, beside the planned look-ups.

    No error ends it: it is logged as ``hints_postponed``, and the next run tries again.
    """

    def __init__(self, gateway: str, settle: SettleHintedPayments, stop: StopSignal) -> None:
        super().__init__(name=f"hints-{gateway}", daemon=True)
        self._gateway = gateway
        self._settle = settle
        self._stop_signal = stop

    def run(self) -> None:
        failures = 0
        while not self._stop_signal.is_set():
            try:
                done = self._settle()
            except Exception as error:  # noqa: BLE001 - the hints that wait are followed later
                failures += 1
                log = _log.warning if may_pass(error) else _log.exception
                log("hints_postponed", gateway=self._gateway, reason=type(error).__name__, attempt=failures)
                self._stop_signal.wait(BACKOFF.seconds(failures))
                continue
            failures = 0
            if done.looked_up:
                _log.info(
                    "hints_followed", gateway=self._gateway, looked_up=done.looked_up, settled=done.settled
                )
            else:
                self._stop_signal.wait(HINTS_INTERVAL_SECONDS)
