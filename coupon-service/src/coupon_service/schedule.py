"""What the worker does beside deciding, and how often."""

import threading
from collections.abc import Callable

import structlog

from coupon_service.application.count_differences import CountDifferences
from coupon_service.application.measure_undecided import MeasureUndecided
from coupon_service.application.use_freed_coupons import UseFreedCoupons
from coupon_service.metrics import show_differences, show_oldest_undecided
from servicekit.lifecycle import StopSignal

INTERVAL_SECONDS = 120.0
WAITING_INTERVAL_SECONDS = 20.0
"""While a request waits. Alerts wait longer: a worker that was away and catches up calls nobody."""
DIFFERENCES_INTERVAL_SECONDS = 20.0
_PAUSE_SECONDS = 0.05
"""After each page: deciding goes first."""
_log = structlog.get_logger(__name__)


class UndecidedThread(threading.Thread):
    """Measures at once and then at each interval, until ``stop`` is set.

    No error ends it: it is logged as ``undecided_not_measured``, and the next run tries again.
    """

    def __init__(self, measure: MeasureUndecided, stop: StopSignal) -> None:
        super().__init__(name="undecided", daemon=True)
        self._measure = measure
        self._stop_signal = stop

    def run(self) -> None:
        while not self._stop_signal.is_set():
            interval = INTERVAL_SECONDS
            try:
                oldest = self._measure(lambda: not self._stop_signal.wait(_PAUSE_SECONDS))
            except Exception as error:  # noqa: BLE001 - what can't be measured now must not stop the worker
                if not self._stop_signal.is_set():
                    # Not the message, which may hold values.
                    cause = getattr(error, "orig", error)
                    _log.error("undecided_not_measured", reason=type(cause).__name__)
            else:
                show_oldest_undecided(oldest)
                if oldest is not None:
                    interval = WAITING_INTERVAL_SECONDS
                    _log.warning("requests_undecided", oldest_seconds=round(oldest))
            self._stop_signal.wait(interval)


class DifferencesThread(threading.Thread):
    """Uses freed coupons and counts open differences, at once and at each interval, until ``stop`` is set.

    No error ends it: it is logged as ``freed_coupons_not_used`` or ``differences_not_counted``, and the next
    run tries again.
    """

    def __init__(self, use_freed: UseFreedCoupons, count: CountDifferences, stop: StopSignal) -> None:
        super().__init__(name="differences", daemon=True)
        self._use_freed = use_freed
        self._count = count
        self._stop_signal = stop

    def run(self) -> None:
        while not self._stop_signal.is_set():
            self._attempt(self._use, "freed_coupons_not_used")
            self._attempt(self._show, "differences_not_counted")
            self._stop_signal.wait(DIFFERENCES_INTERVAL_SECONDS)

    def _use(self) -> None:
        if used := self._use_freed():
            _log.info("freed_coupons_used", used=used)

    def _show(self) -> None:
        show_differences(self._count())

    def _attempt(self, act: Callable[[], None], failure: str) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - what can't be done now must not stop the worker
            if not self._stop_signal.is_set():
                # Not the message, which may hold values.
                cause = getattr(error, "orig", error)
                _log.error(failure, reason=type(cause).__name__)
