"""What the worker runs, and how often."""

import logging
import threading

import structlog

from order_service.application.measure_payments import MeasurePayments
from order_service.application.refund_due_payments import RefundDuePayments
from order_service.application.settle_unsettled_payments import SettleUnsettledPayments
from servicekit.backoff import Backoff
from servicekit.db.errors import may_pass
from servicekit.lifecycle import StopSignal

INTERVAL_SECONDS = 2.0
BACKOFF = Backoff(first_seconds=0.2, longest_seconds=5.0)

_log = structlog.get_logger(__name__)


def run_until_stopped(settle: SettleUnsettledPayments, measure: MeasurePayments, stop: StopSignal) -> None:
    """Settle and measure at each interval, and at once again while more is due.

    An unavailable or busy database delays the work. Raises any other error, which is a bug.
    """
    failures = 0
    while not stop.is_set():
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
        else:
            stop.wait(INTERVAL_SECONDS)


class RefundThread(threading.Thread):
    """Returns at each interval what is due, and at once again while more is.

    A thread of its own: a gateway that takes a minute for a refund delays no look-up. It may end with the
    process at any point, and another process goes on. No error ends it before.
    """

    def __init__(self, refund: RefundDuePayments, stop: StopSignal) -> None:
        super().__init__(name="refunds", daemon=True)
        self._refund = refund
        self._stop_signal = stop

    def run(self) -> None:
        failures = 0
        while not self._stop_signal.is_set():
            try:
                done = self._refund()
            except Exception as error:  # noqa: BLE001 - the worker's other work goes on
                failures += 1
                is_bug = not may_pass(error)
                _log.log(
                    logging.ERROR if is_bug else logging.WARNING,
                    "refunds_postponed",
                    reason=type(error).__name__,
                    attempt=failures,
                    exc_info=is_bug,
                )
                self._stop_signal.wait(BACKOFF.seconds(failures))
                continue
            failures = 0
            if not done.steps:
                self._stop_signal.wait(INTERVAL_SECONDS)
