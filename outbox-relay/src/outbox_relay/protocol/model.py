"""The words of the protocol: events, snapshots that bound what was published, the right to publish."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Self


class Event(NamedTuple):
    """One row of an outbox. ``payload`` is published byte for byte.

    A tuple, since millions of them are made: the fields are the columns of ``postgresql/sql/read_page.sql``,
    in order.
    """

    position: int
    event_id: str
    topic: str
    key: str
    event_type: str
    source: str
    payload: str
    traceparent: str | None
    time: str
    """When it was stored, RFC 3339 in UTC."""
    age_seconds: float
    """How long ago that was when it was read, by the server's clock."""


class TopicIdentity(NamedTuple):
    """A topic of a Kafka cluster; another one of the same name has another identity."""

    cluster_id: str
    topic_id: str | None
    """None where the cluster has none."""

    def is_other_than(self, known: "TopicIdentity") -> bool:
        """Whether it was made anew since it was known so."""
        ids = (self.topic_id, known.topic_id)
        return self.cluster_id != known.cluster_id or (None not in ids and ids[0] != ids[1])


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a shard has been published.

    Everything visible in ``snapshot`` has been, and of what is visible in ``window_snapshot`` everything up
    to ``window_position``. Between two windows there is no window snapshot. Snapshots are PostgreSQL's text
    form.
    """

    snapshot: str
    window_snapshot: str | None = None
    window_position: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """A batch: what is visible in ``upper`` and was not visible in ``lower``, published in order of position.

    A snapshot bounds it and not a position or an xid, because both are handed out before commit: a
    transaction that takes its number early and commits late would be skipped. Its rows simply belong to a
    later window, so no other event waits for it. Inside of a window the order is that of positions: of two
    transactions that lock the same aggregate, the one with the lower xid may well write its event second. For
    the same reason a window is never split by xid.
    """

    lower: str
    upper: str
    position: int
    """Published up to here."""
    main_start: int | None
    """No row of a transaction that began after ``lower`` lies before it; None when there is no such row."""
    has_late_rows: bool = False
    """Whether a transaction that was running at ``lower`` has left rows since."""

    @property
    def is_empty(self) -> bool:
        return self.main_start is None and not self.has_late_rows

    def published_to(self, position: int) -> Self:
        return replace(self, position=position)

    def cursor(self) -> Cursor:
        """The cursor inside of this window."""
        return Cursor(self.lower, self.upper, self.position)

    def closed(self) -> Cursor:
        """The cursor once the whole window has been published."""
        return Cursor(self.upper)


@dataclass(frozen=True, slots=True)
class Shards:
    """Shards of one source that are published together: a key belongs to shard ``hash(key) % total``."""

    numbers: frozenset[int]
    total: int

    @property
    def all(self) -> bool:
        return len(self.numbers) == self.total


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to publish a shard.

    ``epoch`` grows with every new leader and fences the cursor against former ones. The cursor isn't kept
    here: a lease lives for days, and where to go on is known to the database alone.
    """

    shard: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Page:
    """The next events of a window, and whether they are its last."""

    events: list[Event]
    complete: bool
