"""An outbox, its dead letters and Kafka in memory, as the relay's protocols promise them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from outbox_relay.protocol.errors import EventsRejected, LostLeadership, RelayError
from outbox_relay.protocol.model import Cursor, Event, Lease, Page, Shards, Window
from tests.support.relay.events import an_event

BEGINNING = Cursor("0")


def of_shard(shard: int, position: int) -> Event:
    """An event whose key belongs to that shard."""
    return an_event(position, key=f"key-{shard}")


@dataclass
class MemorySource:
    """Events at positions 1, 2, 3, …; a snapshot is how many of them had been committed by then."""

    events: list[Event]
    shards: int = 1
    page_events: int = 2
    mine: dict[int, Lease] = field(default_factory=dict)
    leaving: list[Lease] = field(default_factory=list)
    is_certain: bool = True
    stored: dict[int, Cursor] = field(default_factory=dict)
    saves: list[tuple[Cursor, tuple[int, ...]]] = field(default_factory=list)
    kept: list[Sequence[Lease]] = field(default_factory=list)
    pages_read: list[frozenset[int]] = field(default_factory=list)
    windows_opened: list[Window] = field(default_factory=list)
    sessions: int = 0
    save_error: RelayError | None = None
    before_read: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.mine = self.mine or {shard: Lease(shard, 1) for shard in range(self.shards)}
        self.stored = dict.fromkeys(range(self.shards), BEGINNING) | self.stored

    def grow(self, *events: Event) -> None:
        self.events = [*self.events, *events]

    def lead(self, *leases: Lease) -> None:
        self.mine = {lease.shard: lease for lease in leases}

    def leases(self) -> Mapping[int, Lease]:
        return dict(self.mine) if self.is_certain else {}

    def holds(self, leases: Sequence[Lease]) -> bool:
        return self.is_certain and all(lease in [*self.mine.values(), *self.leaving] for lease in leases)

    def let_go(self, kept: Sequence[Lease]) -> None:
        self.kept.append(list(kept))

    def begin(self) -> None:
        self.sessions += 1

    def load(self, leases: Sequence[Lease]) -> tuple[int, Mapping[int, Cursor]]:
        self._check_epochs(leases)
        return self.shards, {lease.shard: self.stored[lease.shard] for lease in leases}

    def open_window(self, cursor: Cursor, upper: str | None) -> Window:
        upper = cursor.window_snapshot or upper or str(len(self.events))
        start = int(cursor.snapshot) + 1 if int(upper) > int(cursor.snapshot) else None
        window = Window(cursor.snapshot, upper, cursor.window_position, start)
        self.windows_opened.append(window)
        return window

    def read_page(self, window: Window, shards: Shards, most_events: int | None) -> Page:
        self.before_read()
        self.pages_read.append(shards.numbers)
        found = [
            event
            for event in self.events[: int(window.upper)]
            if event.position > max(int(window.lower), window.position)
            and int(event.key.rpartition("-")[2]) in shards.numbers
        ]
        limit = self.page_events if most_events is None else min(self.page_events, most_events)
        return Page(found[:limit], len(found) < limit)

    def save(self, cursor: Cursor, leases: Sequence[Lease]) -> None:
        if self.save_error is not None:
            raise self.save_error
        self._check_epochs(leases)
        self.saves.append((cursor, tuple(sorted(lease.shard for lease in leases))))
        self.stored.update({lease.shard: cursor for lease in leases})

    def _check_epochs(self, leases: Sequence[Lease]) -> None:
        if not all(lease in [*self.mine.values(), *self.leaving] for lease in leases):
            raise LostLeadership


@dataclass
class MemoryDelivery:
    publisher: "MemoryPublisher"
    positions: list[int]

    def wait(self) -> None:
        failure = self.publisher.fails_on_arrival.get(self.positions[0])
        if failure is not None:
            raise failure
        self.publisher.journal.append(("arrived", self.positions))

    def acknowledged(self) -> set[int]:
        return self.publisher.acknowledged & set(self.positions)


@dataclass
class MemoryPublisher:
    """Keeps a journal; a page fails that begins with a position, or has an event, given here."""

    rejects: dict[int, str] = field(default_factory=dict)
    fails_when_sent: dict[int, RelayError] = field(default_factory=dict)
    fails_on_arrival: dict[int, RelayError] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    """Positions that have arrived although their page fails."""
    most_events: int | None = None
    journal: list[tuple[str, list[int]]] = field(default_factory=list)
    before_send: Callable[[], None] = lambda: None

    def send(self, events: Sequence[Event]) -> MemoryDelivery:
        self.before_send()
        positions = [event.position for event in events]
        failure = self.fails_when_sent.get(positions[0])
        if failure is not None:
            raise failure
        for event in events:
            if event.position in self.rejects:
                raise EventsRejected([event], self.rejects[event.position], "refused")
        self.journal.append(("sent", positions))
        return MemoryDelivery(self, positions)

    def abandon(self) -> None:
        if self.journal[-1:] != [("abandoned", [])]:
            self.journal.append(("abandoned", []))

    def arrived(self) -> list[int]:
        """Positions in the order in which they arrived."""
        return [position for what, positions in self.journal if what == "arrived" for position in positions]


@dataclass
class MemoryDeadLetters:
    """Parked events by position, with the reason, and those to be sent again."""

    parked: dict[int, tuple[Event, str]] = field(default_factory=dict)
    replaying: list[Event] = field(default_factory=list)
    error: RelayError | None = None
    before_hold_back: Callable[[], None] = lambda: None

    def refresh(self) -> bool:
        return bool(self.replaying)

    def park(self, rejected: EventsRejected) -> None:
        if self.error is not None:
            raise self.error
        self.parked.update({event.position: (event, rejected.kind) for event in rejected.events})
        self.replaying = [event for event in self.replaying if event not in rejected.events]

    def hold_back(self, events: list[Event]) -> list[Event]:
        self.before_hold_back()
        opened = sorted([*(event for event, _ in self.parked.values()), *self.replaying], reverse=True)
        held_from = {event.key: event.position for event in opened}
        ready = [event for event in events if event.position < held_from.get(event.key, event.position + 1)]
        for event in events:
            if event not in ready:
                self.parked.setdefault(event.position, (event, "behind"))
        return ready

    def to_replay(self, cursor: Cursor, shards: Shards, most_events: int | None) -> list[Event]:
        found = [event for event in self.replaying if int(event.key.rpartition("-")[2]) in shards.numbers]
        return found[:most_events]

    def replayed(self, events: Sequence[Event]) -> None:
        self.replaying = [event for event in self.replaying if event not in events]


def newer(lease: Lease) -> Lease:
    """The lease of the next leader of that shard."""
    return replace(lease, epoch=lease.epoch + 1)
