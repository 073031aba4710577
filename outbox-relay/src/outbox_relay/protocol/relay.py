"""One turn of a relay: read pages of the outbox, publish them, move the cursor.

What is guaranteed, whatever crashes and however many relays run:

- An event is published at least once if its transaction committed, and never if it rolled back.
- Of two events with the same key whose transactions did not overlap, the earlier one is published first. The
  same holds for transactions that lock the aggregate before they write its event.
- A repetition begins at or before the first event that was not acknowledged and keeps this order, so a
  consumer that drops events it has seen notices neither a gap nor a change of order.
- An event that Kafka will never take, and the later ones of its key, become dead letters; others go on.

The protocol is PgQ's batch by snapshot (Skype, https://github.com/pgq/pgq); see
:class:`outbox_relay.protocol.model.Window`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from outbox_relay.protocol.errors import (
    EventsRejected,
    KafkaChanged,
    LostLeadership,
    PublishFailed,
    RelayError,
    SessionLost,
)
from outbox_relay.protocol.model import Cursor, Event, Lease, Page, Shards, Window

PAGES_PER_TURN = 16


class Source(Protocol):
    """An outbox. Every method raises :class:`SourceUnavailable` if the database can't be used.

    :class:`SessionLost` says more: what was loaded or saved before may have been lost with the session.
    """

    def leases(self) -> Mapping[int, Lease]:
        """The shards to publish as of this moment; none for a relay that can't be sure to lead."""
        ...

    def holds(self, leases: Sequence[Lease]) -> bool:
        """Whether no other relay can lead any of these shards as of this moment."""
        ...

    def let_go(self, kept: Sequence[Lease]) -> None:
        """Nothing of other shards is on its way any more, so others may lead them."""
        ...

    def begin(self) -> None:
        """Begin a new session, after which cursors have to be loaded again."""
        ...

    def load(self, leases: Sequence[Lease]) -> tuple[int, Mapping[int, Cursor]]:
        """How many shards the outbox has, and where each of these stands as it is stored.

        Raises :class:`LostLeadership` when another epoch has begun for one of them.
        """
        ...

    def open_window(self, cursor: Cursor, upper: str | None) -> Window:
        """The window after ``cursor``, up to ``upper`` or now, or the one that it is inside of."""
        ...

    def read_page(self, window: Window, shards: Shards, most_events: int | None) -> Page:
        """The next events of ``shards`` in ``window`` by position, no more than ``most_events``."""
        ...

    def save(self, cursor: Cursor, leases: Sequence[Lease]) -> None:
        """Move the cursors of these shards. Raises :class:`LostLeadership` when one has another leader."""
        ...


class DeadLetters(Protocol):
    """What Kafka won't take, kept in the source's database. Raises what :class:`Source` raises."""

    def refresh(self) -> bool:
        """Look up which keys are held back; returns whether any dead letter is to be replayed."""
        ...

    def park(self, rejected: EventsRejected) -> None:
        """Keep these events; from now on their keys are held back."""
        ...

    def hold_back(self, events: list[Event]) -> list[Event]:
        """Those that may be published; the others wait behind a parked event of their key, and are kept."""
        ...

    def to_replay(self, cursor: Cursor, shards: Shards, most_events: int | None) -> list[Event]:
        """The next events to be replayed, in the order of each key, up to where ``cursor`` stands.

        No more than ``most_events``.

        Of a page that was given up, the events before a parked one haven't been published either.
        """
        ...

    def replayed(self, events: Sequence[Event]) -> None:
        """These have been acknowledged."""
        ...


class Delivery(Protocol):
    """Events on their way."""

    def wait(self) -> None:
        """Return once every event is acknowledged.

        Raises :class:`PublishFailed` otherwise; of each partition a prefix has then been published, and
        nothing more of these events, nor of what was sent after them, will be.
        """
        ...

    def acknowledged(self) -> set[int]:
        """Positions of the events that are known to have been published. Doesn't wait."""
        ...


class Publisher(Protocol):
    """Where events go."""

    @property
    def most_events(self) -> int | None:
        """How many events are likely to be acknowledged in time; None when there is no reason to doubt."""
        ...

    def send(self, events: Sequence[Event]) -> Delivery:
        """Begin to publish; in each partition behind everything sent before. Raises as a delivery does."""
        ...

    def abandon(self) -> None:
        """Give up whatever is being published; the next :meth:`send` starts anew.

        Only for the thread that sends: done between two pages by another one, the second would go without
        the first.
        """
        ...


@dataclass(frozen=True, slots=True)
class Standby:
    """Other relays lead, or leadership isn't certain."""


@dataclass(frozen=True, slots=True)
class Idle:
    """There was nothing to publish."""


@dataclass(frozen=True, slots=True)
class Published:
    """So many events were published or parked and the cursor has moved; more if there may be more."""

    events: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """What was acknowledged counts; the next turn saves it if it isn't saved, and repeats the rest."""

    error: RelayError


StepResult = Standby | Idle | Published | Failed


@dataclass(slots=True)
class _Lane:
    """Shards that stand at the same cursor, published as one: a page of them is read once.

    A relay that has led for a while has one lane. A shard that is taken over begins as a lane of its own and
    joins the others where their windows end together.
    """

    leases: tuple[Lease, ...]
    total: int
    cursor: Cursor
    window: Window | None = None
    is_saved: bool = True
    """Whether the database knows what was acknowledged; until it does, nothing more is read."""
    landed: frozenset[int] = frozenset()
    """What was acknowledged of pages that failed, behind their first gap; it isn't sent again."""
    shards: Shards = field(init=False)

    def __post_init__(self) -> None:
        self.shards = Shards(frozenset(lease.shard for lease in self.leases), self.total)


@dataclass(frozen=True, slots=True)
class _Flight:
    """A page on its way, and where the lane stands once it has landed."""

    delivery: Delivery | None
    begun: Window
    page: Page
    sent: list[Event]

    @property
    def window(self) -> Window:
        """Once all of the page has landed."""
        events = self.page.events
        return self.begun.published_to(events[-1].position) if events else self.begun

    def landed(self) -> set[int]:
        return set() if self.delivery is None else self.delivery.acknowledged()

    def up_to_gap(self) -> Window | None:
        """Once the delivery has failed: up to the first event that isn't known to have landed, if any has.

        What wasn't sent needed no sending: it is held back, discarded, or has landed before.
        """
        missing = {event.position for event in self.sent} - self.landed()
        first = min(missing, default=None)
        done = [event.position for event in self.page.events if first is None or event.position < first]
        return self.begun.published_to(done[-1]) if done else None


class Relay:
    """Publishes those shards of one source that it leads. Its turns must not overlap."""

    def __init__(
        self,
        source: Source,
        dead_letters: DeadLetters,
        publisher: Publisher,
        pages_per_turn: int = PAGES_PER_TURN,
    ) -> None:
        self._pages_per_turn = pages_per_turn
        self._source = source
        self._dead_letters = dead_letters
        self._publisher = publisher
        self._lanes: list[_Lane] = []
        self._has_session = False

    def run_once(self) -> StepResult:
        """Do a bounded amount of work, if there is any and it is ours to do."""
        return self._guarded(self._turn)

    def replay_once(self) -> StepResult:
        """Send some of the dead letters that are to be replayed.

        Nothing else of this source is on its way meanwhile.
        """
        return self._guarded(self._replay) if self._lanes else Standby()

    def _guarded(self, work: Callable[[], StepResult]) -> StepResult:
        try:
            return work()
        except EventsRejected as error:
            return self._park(error)
        except RelayError as error:
            # Of two pages on their way the second must not arrive when the first has not.
            self._publisher.abandon()
            # An operator accepts other topics together with new cursors, so both are looked at anew.
            if isinstance(error, LostLeadership | SessionLost | KafkaChanged):
                self._forget()
            return Failed(error)

    def _replay(self) -> StepResult:
        self._save_pending()
        if self._dead_letters.refresh():
            for lane in self._lanes:
                events = self._dead_letters.to_replay(lane.cursor, lane.shards, self._publisher.most_events)
                if events:
                    self._check_leases(lane)
                    self._send_again(events)
                    return Published(len(events), more=True)
        return Idle()

    def _send_again(self, events: Sequence[Event]) -> None:
        delivery = self._publisher.send(events)
        try:
            delivery.wait()
        except PublishFailed:
            # As of a page: nothing of it must arrive any more, and what has arrived isn't repeated.
            self._publisher.abandon()
            landed = delivery.acknowledged()
            if landed:
                self._dead_letters.replayed([event for event in events if event.position in landed])
            raise
        self._dead_letters.replayed(events)

    def _turn(self) -> StepResult:
        self._follow_leases()
        if not self._lanes:
            return Standby()
        self._save_pending()
        published, more, upper = 0, False, None
        for lane in self._lanes:
            if lane.window is None:
                window = self._source.open_window(lane.cursor, upper)
                upper = window.upper if lane.cursor.window_snapshot is None else upper
                if window.is_empty and lane.cursor.window_snapshot is None:
                    # Nothing to save: a successor that begins at the stored cursor finds nothing either.
                    lane.cursor = window.closed()
                    continue
                lane.window = window
            published += self._publish_window(lane, lane.window)
            more = more or lane.window is not None
        self._join_lanes()
        return Published(published, more) if published or more else Idle()

    def _publish_window(self, lane: _Lane, window: Window) -> int:
        """Publish some pages, each read and sent while the former one is on its way."""
        published = 0
        flight: _Flight | None = None
        for _ in range(self._pages_per_turn):
            page = self._source.read_page(window, lane.shards, self._publisher.most_events)
            # Each may have taken long, or this process was frozen meanwhile: look at the clock again.
            self._check_leases(lane)
            ready = self._dead_letters.hold_back(page.events) if page.events else []
            if lane.landed:
                ready = [event for event in ready if event.position not in lane.landed]
            self._check_leases(lane)
            delivery = self._send(ready, lane, flight) if ready else None
            former, flight = flight, _Flight(delivery, window, page, ready)
            if former is not None:
                published += self._land(lane, former, behind=flight)
            window = flight.window
            if page.complete:
                break
        return published if flight is None else published + self._land(lane, flight)

    def _send(self, events: list[Event], lane: _Lane, former: _Flight | None) -> Delivery:
        try:
            return self._publisher.send(events)
        except PublishFailed:
            if former is not None:
                self._keep_acknowledged(lane, former)
            raise

    def _land(self, lane: _Lane, flight: _Flight, behind: _Flight | None = None) -> int:
        """Wait for the page and save where we are.

        A window becomes durable only together with the first position reached in it. A crash before that
        opens another, newer one, which may place late events between those already published. Such an event
        was written before its neighbour behind it and committed after that neighbour was seen, so the two
        were concurrent and have no order to keep; and the neighbour comes again anyway.
        """
        if flight.delivery is not None:
            try:
                flight.delivery.wait()
            except PublishFailed:
                self._keep_acknowledged(lane, flight, behind)
                raise
        if flight.page.complete:
            self._move(lane, None, flight.window.closed())
        else:
            self._move(lane, flight.window, flight.window.cursor())
        return len(flight.page.events)

    def _keep_acknowledged(self, lane: _Lane, flight: _Flight, behind: _Flight | None = None) -> None:
        """Repeat nothing of what has landed of a page that has failed, and of the one behind it."""
        # Before anything else: of what is on its way nothing must arrive behind a gap.
        self._publisher.abandon()
        for failed in (flight, behind):
            lane.landed |= set() if failed is None else failed.landed()
        window = flight.up_to_gap()
        if window is not None:
            self._move(lane, window, window.cursor())

    def _move(self, lane: _Lane, window: Window | None, cursor: Cursor) -> None:
        """What is acknowledged stays so, also while it can't be saved: then the saving is repeated alone."""
        lane.window, lane.cursor, lane.is_saved = window, cursor, False
        if lane.landed:
            lane.landed = frozenset(place for place in lane.landed if window and place > window.position)
        self._save(lane)

    def _save(self, lane: _Lane) -> None:
        self._source.save(lane.cursor, lane.leases)
        lane.is_saved = True

    def _save_pending(self) -> None:
        for lane in self._lanes:
            if not lane.is_saved:
                self._save(lane)

    def _follow_leases(self) -> None:
        """Let go of shards that aren't ours any more and load those that have become ours."""
        leases = self._source.leases()
        if not leases:
            self._forget()
            self._source.let_go([])
            return
        if not self._has_session:
            self._source.begin()
            self._has_session = True
        kept: set[Lease] = set()
        for lane in self._lanes:
            lane.leases = tuple(lease for lease in lane.leases if leases.get(lease.shard) == lease)
            lane.__post_init__()
            kept.update(lane.leases)
        self._lanes = [lane for lane in self._lanes if lane.leases]
        self._source.let_go(list(leases.values()))
        new = [lease for lease in leases.values() if lease not in kept]
        if new:
            total, cursors = self._source.load(new)
            # They may come from a relay that has parked events.
            self._dead_letters.refresh()
            self._lanes += [_Lane((lease,), total, cursors[lease.shard]) for lease in new]
            self._join_lanes()

    def _join_lanes(self) -> None:
        """Make one lane of those between the same two windows."""
        if len(self._lanes) < 2:
            return
        joined: dict[object, _Lane] = {}
        for lane in self._lanes:
            same = (lane.cursor, lane.window, lane.total, lane.is_saved)
            if same in joined:
                one = joined[same]
                joined[same] = _Lane(
                    one.leases + lane.leases,
                    lane.total,
                    lane.cursor,
                    lane.window,
                    lane.is_saved,
                    one.landed | lane.landed,
                )
            else:
                joined[same] = lane
        self._lanes = list(joined.values())

    def _check_leases(self, lane: _Lane) -> None:
        if not self._source.holds(lane.leases):
            raise LostLeadership

    def _park(self, rejected: EventsRejected) -> StepResult:
        self._publisher.abandon()
        try:
            # A successor may have published it meanwhile.
            for lane in self._lanes:
                self._check_leases(lane)
            self._dead_letters.park(rejected)
        except RelayError as error:
            if isinstance(error, LostLeadership | SessionLost):
                self._forget()
            return Failed(error)
        return Failed(rejected)

    def _forget(self) -> None:
        self._lanes = []
        self._has_session = False
