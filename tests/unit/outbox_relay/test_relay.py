"""The step of a relay, over ports that live in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from outbox_relay.errors import (
    EventRejected,
    LostLeadership,
    PublishTimedOut,
    RelayError,
    SessionLost,
    SourceUnavailable,
)
from outbox_relay.model import Cursor, Event, Lease, Window
from outbox_relay.relay import Failed, Idle, Published, Relay, Standby

BEGINNING = Cursor("1:1:")


def an_event(position: int) -> Event:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Event(position, f"event-{position}", "topic", "key", "Tested", "/test", "{}", None, moment)


@dataclass
class MemorySource:
    """One window with events at positions 1 to ``size``, and then nothing."""

    size: int
    leads: bool = True
    leads_after_reading: bool = True
    epoch: int = 1
    start: Cursor = BEGINNING
    saved: list[Cursor] = field(default_factory=list)
    save_error: RelayError | None = None

    def lease(self) -> Lease | None:
        return Lease(self.epoch) if self.leads else None

    def load(self, epoch: int) -> Cursor:
        if epoch != self.epoch:
            raise LostLeadership
        return self.saved[-1] if self.saved else self.start

    def open_window(self, cursor: Cursor) -> Window | None:
        if cursor.snapshot == "9:9:":
            return None
        return Window(cursor.snapshot, "9:9:", cursor.window_position, 1)

    def read_page(self, window: Window, limit: int) -> Sequence[Event]:
        self.leads = self.leads_after_reading
        positions = range(window.position + 1, self.size + 1)
        return [an_event(position) for position in positions[:limit]]

    def save(self, cursor: Cursor, epoch: int) -> None:
        if self.save_error is not None:
            raise self.save_error
        self.saved.append(cursor)


@dataclass
class MemoryPublisher:
    """Takes every event but ``poison``, and nothing at all while ``down``."""

    poison: int | None = None
    down: bool = False
    pages: list[list[int]] = field(default_factory=list)
    abandoned: int = 0

    def publish(self, events: Sequence[Event]) -> None:
        if self.down:
            raise PublishTimedOut
        positions = [event.position for event in events]
        self.pages.append(positions)
        if self.poison in positions:
            raise EventRejected(f"event-{self.poison}", "topic", "too large")

    def abandon(self) -> None:
        self.abandoned += 1


def test_cursor_moves_page_by_page_and_past_the_window_with_its_last_page() -> None:
    source, publisher = MemorySource(size=5), MemoryPublisher()
    relay = Relay(source, publisher, page_size=2)

    results = [relay.run_once() for _ in range(4)]

    assert results == [Published(2), Published(2), Published(1), Idle()]
    assert publisher.pages == [[1, 2], [3, 4], [5]]
    assert source.saved == [Cursor("1:1:", "9:9:", 2), Cursor("1:1:", "9:9:", 4), Cursor("9:9:")]


def test_window_that_ends_with_a_full_page_is_closed_without_publishing() -> None:
    source, publisher = MemorySource(size=4), MemoryPublisher()
    relay = Relay(source, publisher, page_size=2)

    assert [relay.run_once() for _ in range(4)] == [Published(2), Published(2), Published(0), Idle()]
    assert publisher.pages == [[1, 2], [3, 4]]


def test_new_leader_goes_on_after_the_position_reached_inside_of_a_window() -> None:
    source = MemorySource(size=5, start=Cursor("1:1:", "9:9:", 3))
    publisher = MemoryPublisher()

    Relay(source, publisher, page_size=10).run_once()

    assert publisher.pages == [[4, 5]]


def test_relay_that_does_not_lead_does_nothing() -> None:
    source, publisher = MemorySource(size=5, leads=False), MemoryPublisher()

    assert Relay(source, publisher, page_size=2).run_once() == Standby()
    assert publisher.pages == []


def test_leadership_that_ended_while_reading_publishes_nothing() -> None:
    source, publisher = MemorySource(size=5, leads_after_reading=False), MemoryPublisher()

    result = Relay(source, publisher, page_size=2).run_once()

    assert isinstance(result, Failed)
    assert isinstance(result.error, LostLeadership)
    assert publisher.pages == []
    assert publisher.abandoned == 1


def test_leadership_that_only_seemed_to_end_goes_on_from_the_stored_cursor() -> None:
    source, publisher = MemorySource(size=5), MemoryPublisher()
    relay = Relay(source, publisher, page_size=2)
    relay.run_once()
    source.leads_after_reading = False
    assert isinstance(relay.run_once(), Failed)
    source.leads = source.leads_after_reading = True

    assert relay.run_once() == Published(2)

    assert publisher.pages == [[1, 2], [3, 4]]
    assert source.saved == [Cursor("1:1:", "9:9:", 2), Cursor("1:1:", "9:9:", 4)]


def test_cursor_write_that_misses_makes_the_relay_forget_where_it_was() -> None:
    source, publisher = MemorySource(size=5), MemoryPublisher()
    relay = Relay(source, publisher, page_size=2)
    relay.run_once()
    source.save_error = LostLeadership()
    assert isinstance(relay.run_once(), Failed)
    assert publisher.abandoned == 1
    source.save_error = None
    source.epoch = 3

    assert relay.run_once() == Published(2)

    assert publisher.pages == [[1, 2], [3, 4], [3, 4]]


def test_page_whose_cursor_could_not_be_saved_is_repeated() -> None:
    source, publisher = MemorySource(size=3), MemoryPublisher()
    relay = Relay(source, publisher, page_size=2)
    source.save_error = SourceUnavailable()
    assert isinstance(relay.run_once(), Failed)
    source.save_error = None

    relay.run_once()

    assert publisher.pages == [[1, 2], [1, 2]]


def test_nothing_remembered_outlives_the_session() -> None:
    source, publisher = MemorySource(size=5), MemoryPublisher()
    relay = Relay(source, publisher, page_size=2)
    relay.run_once()
    source.save_error = SessionLost()
    assert isinstance(relay.run_once(), Failed)
    source.save_error = None
    source.saved.clear()

    relay.run_once()

    assert publisher.pages == [[1, 2], [3, 4], [1, 2]]


def test_pages_shrink_to_one_event_after_a_failure_and_double_again() -> None:
    source, publisher = MemorySource(size=20), MemoryPublisher(down=True)
    relay = Relay(source, publisher, page_size=8)
    assert isinstance(relay.run_once(), Failed)
    publisher.down = False

    while not isinstance(relay.run_once(), Idle):
        pass

    assert [len(page) for page in publisher.pages] == [1, 2, 4, 8, 5]


def test_event_that_is_refused_comes_to_stand_alone_and_holds_the_others_back() -> None:
    source, publisher = MemorySource(size=8), MemoryPublisher(poison=6)
    relay = Relay(source, publisher, page_size=8)

    for _ in range(12):
        relay.run_once()

    assert publisher.pages[-3:] == [[6], [6], [6]]
