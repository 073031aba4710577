"""One step of a relay: read a page of the outbox, publish it, move the cursor.

What is guaranteed, whatever crashes and however many relays run:

- An event is published at least once if its transaction committed, and never if it rolled back.
- Of two events with the same key whose transactions did not overlap, the earlier one is published first. The
  same holds for transactions that lock the aggregate before they write its event.
- A repetition begins at or before the first event that was not acknowledged and keeps this order, so a
  consumer that drops events it has seen notices neither a gap nor a change of order.

The protocol is PgQ's batch by snapshot (Skype, https://github.com/pgq/pgq); see
:class:`outbox_relay.model.Window`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from outbox_relay.errors import LostLeadership, PublishFailed, RelayError, SessionLost
from outbox_relay.model import Cursor, Event, Lease, Window


class Source(Protocol):
    """A shard of an outbox. Every method raises :class:`SourceUnavailable` if the database can't be used.

    :class:`SessionLost` says more: what was loaded or saved before may have been lost with the session.
    """

    def lease(self) -> Lease | None:
        """The right to publish as of this moment; None for a relay that doesn't lead, or can't be sure to."""
        ...

    def load(self, epoch: int) -> Cursor:
        """The cursor as it is stored; begins a new session.

        Raises :class:`LostLeadership` when another epoch has begun.
        """
        ...

    def open_window(self, cursor: Cursor) -> Window | None:
        """The window after ``cursor``, or the one it is inside of; None if there is nothing to publish."""
        ...

    def read_page(self, window: Window, limit: int) -> Sequence[Event]:
        """The next ``limit`` events of ``window`` by position; fewer only when it holds no more."""
        ...

    def save(self, cursor: Cursor, epoch: int) -> None:
        """Move the cursor durably. Raises :class:`LostLeadership` when another leader has begun an epoch."""
        ...


class Publisher(Protocol):
    """Where events go."""

    def publish(self, events: Sequence[Event]) -> None:
        """Return once every event is acknowledged.

        Raises :class:`PublishFailed` otherwise; of each partition a prefix has then been published, and
        nothing more of these events will be.
        """
        ...

    def abandon(self) -> None:
        """Give up whatever is being published, from any thread; the next :meth:`publish` starts anew."""
        ...


@dataclass(frozen=True, slots=True)
class Standby:
    """Another relay leads, or leadership isn't certain."""


@dataclass(frozen=True, slots=True)
class Idle:
    """There was nothing to publish."""


@dataclass(frozen=True, slots=True)
class Published:
    """So many events were published and the cursor has moved."""

    events: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing was moved; the next step repeats."""

    error: RelayError


StepResult = Standby | Idle | Published | Failed


class Relay:
    """Publishes one shard of one source. Its steps must not overlap."""

    def __init__(self, source: Source, publisher: Publisher, page_size: int) -> None:
        self._source = source
        self._publisher = publisher
        self._page_size = page_size
        self._limit = page_size
        self._epoch: int | None = None
        self._cursor: Cursor | None = None
        self._window: Window | None = None

    def run_once(self) -> StepResult:
        """Do one page's work, if there is any and it is ours to do."""
        try:
            return self._step()
        except LostLeadership as error:
            self._publisher.abandon()
            self._forget()
            return Failed(error)
        except PublishFailed as error:
            # One event that Kafka refuses must not have its neighbours published again with every attempt.
            self._limit = 1
            return Failed(error)
        except SessionLost as error:
            self._forget()
            return Failed(error)
        except RelayError as error:
            return Failed(error)

    def _step(self) -> StepResult:
        lease = self._source.lease()
        if lease is None:
            return Standby()
        if self._cursor is None or lease.epoch != self._epoch:
            self._resume(lease)
        window = self._current_window()
        if window is None:
            return Idle()
        limit = self._limit
        events = self._source.read_page(window, limit)
        if events:
            self._publish(events, lease)
            window = window.published_to(events[-1].position)
        self._advance(window, lease, complete=len(events) < limit)
        return Published(len(events))

    def _resume(self, lease: Lease) -> None:
        self._forget()
        self._epoch, self._cursor = lease.epoch, self._source.load(lease.epoch)

    def _forget(self) -> None:
        self._epoch = self._cursor = self._window = None

    def _current_window(self) -> Window | None:
        if self._window is None and self._cursor is not None:
            self._window = self._source.open_window(self._cursor)
        return self._window

    def _publish(self, events: Sequence[Event], lease: Lease) -> None:
        # Reading may have taken long, or this process was frozen meanwhile: look at the clock again.
        if self._source.lease() != lease:
            raise LostLeadership
        self._publisher.publish(events)
        self._limit = min(self._limit * 2, self._page_size)

    def _advance(self, window: Window, lease: Lease, *, complete: bool) -> None:
        """Save where we are.

        A window becomes durable only together with the first position reached in it. A crash before that
        opens another, newer one, which may place late events between those already published. Such an event
        was written before its neighbour behind it and committed after that neighbour was seen, so the two
        were concurrent and have no order to keep; and the neighbour comes again anyway.
        """
        cursor = window.closed() if complete else window.cursor()
        self._source.save(cursor, lease.epoch)
        self._cursor = cursor
        self._window = None if complete else window
