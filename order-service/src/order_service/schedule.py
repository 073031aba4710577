"""What the worker runs, and how often."""

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from order_service.application.report_postponed import ReportPostponed
from order_service.application.settle_unsettled_payments import LookUps, SettleUnsettledPayments
from servicekit.backoff import Backoff
from servicekit.lifecycle import StopSignal

INTERVAL_SECONDS = 2.0
BACKOFF = Backoff(first_seconds=0.2, longest_seconds=5.0)

_log = structlog.get_logger(__name__)


def run_until_stopped(
    settle: SettleUnsettledPayments, stop: StopSignal, report_postponed: ReportPostponed, per_second: int
) -> None:
    """Settle at each interval, and again while more is due: up to so many look-ups a second.

    No error ends it: it is logged as ``payments_postponed``.
    """
    failures = 0
    while not stop.is_set():
        began_seconds = time.monotonic()
        try:
            done = settle()
        except Exception as error:  # noqa: BLE001 - the worker's other work goes on
            failures += 1
            report_postponed("payments_postponed", error, attempt=failures)
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


def measure_each(measures: Sequence[Callable[[], None]]) -> bool:
    """Raises the first error, once all have had their turn."""
    errors: list[Exception] = []
    for measure in measures:
        try:
            measure()
        except Exception as error:  # noqa: BLE001 - figures that can't be counted must not keep the others
            errors.append(error)
    if errors:
        raise errors[0]
    return False


class WorkThread(threading.Thread):
    """Works at each interval until ``stop`` is set, and at once again while ``work`` says that it did any.

    A gateway that hangs holds up the work of its thread alone. The thread may end with the process at any
    point, and another process goes on. No error ends it before: it is logged as ``…_postponed``.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], bool],
        stop: StopSignal,
        report_postponed: ReportPostponed,
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._stop_signal = stop
        self._report_postponed = report_postponed
        self._interval_seconds = interval_seconds

    def run(self) -> None:
        failures = 0
        while not self._stop_signal.is_set():
            try:
                did_any = self._work()
            except Exception as error:  # noqa: BLE001 - the worker's other work goes on
                failures += 1
                self._report_postponed(f"{self.name}_postponed", error, attempt=failures)
                self._stop_signal.wait(BACKOFF.seconds(failures))
                continue
            failures = 0
            if not did_any:
                self._stop_signal.wait(self._interval_seconds)
