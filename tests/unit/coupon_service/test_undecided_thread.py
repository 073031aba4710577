"""How often the worker measures what is undecided, without a database and without waiting."""

from datetime import UTC, datetime
from uuid import UUID

from prometheus_client import REGISTRY

from coupon_service.application.measure_undecided import MeasureUndecided
from coupon_service.application.ports import UndecidedPage
from coupon_service.schedule import INTERVAL_SECONDS, WAITING_INTERVAL_SECONDS, UndecidedThread
from servicekit.lifecycle import StopSignal

REQUEST = UUID(int=7)


class Answers:
    """One request a pass, which has waited for so many seconds; the database fails where it is an error."""

    def __init__(self, *waited: float | Exception | None) -> None:
        self._waited = iter(waited)

    def now(self) -> datetime:
        return datetime(2026, 11, 29, tzinfo=UTC)

    def after(self, request_id: UUID) -> UndecidedPage:
        if request_id == REQUEST:
            return UndecidedPage(None, None, None)
        waited = next(self._waited)
        if isinstance(waited, Exception):
            raise waited
        return UndecidedPage(REQUEST, None if waited is None else REQUEST, waited)


class Pauses(StopSignal):
    """Takes no time; set at the given pause between two passes, each noted with what the gauge shows."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.seen: list[tuple[float, int]] = []
        self._number = number

    def wait(self, timeout_seconds: float | None = None) -> bool:
        assert timeout_seconds is not None
        if timeout_seconds >= 1:
            shown = REGISTRY.get_sample_value("coupon_oldest_undecided_seconds")
            assert shown is not None
            self.seen.append((timeout_seconds, int(shown)))
            if len(self.seen) == self._number:
                self.set()
        return self.is_set()


def test_waiting_request_is_measured_again_soon_and_an_error_ends_nothing() -> None:
    pauses = Pauses(5)
    pages = Answers(None, 400.0, ConnectionError(), 500.0, None)
    thread = UndecidedThread(MeasureUndecided(pages, lambda: 0.0), pauses)
    thread.run()
    assert pauses.seen == [
        (INTERVAL_SECONDS, 0),
        (WAITING_INTERVAL_SECONDS, 400),
        (INTERVAL_SECONDS, 400),
        (WAITING_INTERVAL_SECONDS, 500),
        (INTERVAL_SECONDS, 0),
    ]
