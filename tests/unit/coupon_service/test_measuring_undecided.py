"""Which requests are read to learn how long the oldest has waited, as logic without a database."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from coupon_service.application.measure_undecided import MeasureUndecided, first_id_at
from coupon_service.application.ports import UndecidedPage

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Pages:
    """Requests by id, each with how long it has been undecided, a page for every one of them."""

    def __init__(self) -> None:
        self.requests: dict[UUID, float | None] = {}
        self.read: list[UUID] = []

    def now(self) -> datetime:
        return NOW

    def add(self, age: timedelta, *, undecided: bool) -> UUID:
        request_id = UUID(int=first_id_at(NOW - age).int + 7)
        self.requests[request_id] = age.total_seconds() if undecided else None
        return request_id

    def after(self, request_id: UUID) -> UndecidedPage:
        for found, age in sorted(self.requests.items()):
            if found > request_id:
                self.read.append(found)
                return UndecidedPage(found, None if age is None else found, age)
        return UndecidedPage(None, None, None)


def run(measure: MeasureUndecided, pages: Pages) -> tuple[float | None, list[UUID]]:
    pages.read = []
    return measure(lambda: True), pages.read


def test_decided_requests_are_read_once_and_undecided_ones_again() -> None:
    pages, clock = Pages(), [0.0]
    measure = MeasureUndecided(pages, lambda: clock[0])
    decided = pages.add(timedelta(days=3), undecided=False)
    waits = pages.add(timedelta(days=2), undecided=True)
    recent = pages.add(timedelta(minutes=30), undecided=False)
    assert run(measure, pages) == (timedelta(days=2).total_seconds(), [decided, waits, recent])
    assert run(measure, pages) == (timedelta(days=2).total_seconds(), [waits, recent])
    pages.requests[waits] = None
    assert run(measure, pages) == (None, [waits, recent])
    assert run(measure, pages) == (None, [recent])
    # Made by a host whose clock is two hours behind.
    late = pages.add(timedelta(hours=2), undecided=True)
    assert run(measure, pages) == (None, [recent])
    clock[0] = 3_601.0
    assert run(measure, pages) == (7_200.0, [decided, waits, late, recent])


def test_pass_that_is_broken_off_is_made_again() -> None:
    pages = Pages()
    measure = MeasureUndecided(pages, lambda: 0.0)
    old = [pages.add(timedelta(days=days), undecided=False) for days in (4, 3)]
    measure(lambda: False)
    assert run(measure, pages)[1] == old


def test_nothing_is_read_where_there_is_nothing() -> None:
    assert run(MeasureUndecided(Pages(), lambda: 0.0), Pages()) == (None, [])
