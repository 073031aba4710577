"""The PostgreSQL side of a relay: one shard of one outbox."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from outbox_relay.database import unavailable
from outbox_relay.errors import CursorMissing, LostLeadership, SessionLost, SourceUnavailable
from outbox_relay.leadership import Leadership
from outbox_relay.model import Cursor, Event, Lease, Window
from outbox_relay.queries import query

LAG_CAP = 10_000
"""Waiting events are counted up to here."""


@dataclass(frozen=True, slots=True)
class Lag:
    """What waits in a shard, and who leads it. ``events`` beyond :data:`LAG_CAP` are not counted."""

    leader: str | None
    epoch: int
    events: int
    at_least: bool
    seconds: float


class PostgresSource:
    """A shard as :class:`outbox_relay.relay.Source` promises it.

    A crash of the server takes back what had not reached the disk, and hands transaction ids out again that
    left no trace there. Two rules keep an event with such an xid from being taken for published:

    - A cursor in memory lives no longer than the session that it was loaded in. It may cover xids that a
      crash has taken back, and no session survives a crash. The leadership is renounced with it: where a
      standby server was promoted that lagged behind, the epoch is lost, too.
    - A stored cursor covers no xid that is still to be handed out, though it is saved without waiting for the
      disk. A snapshot's xmax is at most the next xid of its time, and the transaction that saves it, in the
      same session, takes its own xid after that: xmax <= own xid. Where the saved row has survived, so has
      its commit record or a checkpoint behind it, and from either the recovery moves the next xid past its
      own. What the snapshot shows as committed was logged before that record, so it has survived as well;
      what it shows as running has rolled back unless it has committed since.
    """

    def __init__(self, engine: Engine, leadership: Leadership, shard: int) -> None:
        self._engine = engine
        self._leadership = leadership
        self._shard = shard
        self._session: Connection | None = None

    def lease(self) -> Lease | None:
        return self._leadership.lease()

    def load(self, epoch: int) -> Cursor:
        self._end_session()
        with _translated_errors():
            self._session = self._engine.connect()
        with self._in_session() as session:
            parameters = {"shard": self._shard, "epoch": epoch}
            row = session.execute(query("load_cursor"), parameters).one_or_none()
        if row is None:
            raise self._fenced_off()
        return Cursor(row.snapshot, row.window_snapshot, row.window_position)

    def open_window(self, cursor: Cursor) -> Window | None:
        parameters = {"snapshot": cursor.snapshot, "window": cursor.window_snapshot}
        with self._in_session() as session:
            row = session.execute(query("open_window"), parameters).one()
        if cursor.window_snapshot is None and row.main_start is None and not row.has_late_rows:
            return None
        return Window(cursor.snapshot, row.snapshot, cursor.window_position, row.main_start)

    def read_page(self, window: Window, limit: int) -> Sequence[Event]:
        parameters = {
            "snapshot": window.lower,
            "window": window.upper,
            "position": window.position,
            "main_start": window.main_start,
            "limit": limit,
        }
        with self._in_session() as session:
            return [_event(row) for row in session.execute(query("read_page"), parameters)]

    def save(self, cursor: Cursor, epoch: int) -> None:
        parameters = {
            "snapshot": cursor.snapshot,
            "window": cursor.window_snapshot,
            "position": None if cursor.window_snapshot is None else cursor.window_position,
            "shard": self._shard,
            "epoch": epoch,
        }
        with self._in_session() as session:
            saved = session.execute(query("save_cursor"), parameters).rowcount == 1
        if not saved:
            raise self._fenced_off()

    def lag(self) -> Lag:
        """What waits now; may be asked of a relay that doesn't lead, too."""
        with _translated_errors(), self._engine.connect() as connection:
            parameters = {"shard": self._shard, "cap": LAG_CAP + 1}
            row = connection.execute(query("inspect"), parameters).one_or_none()
        if row is None:
            raise CursorMissing
        return Lag(
            leader=row.leader,
            epoch=row.epoch,
            events=min(row.events, LAG_CAP),
            at_least=row.events > LAG_CAP,
            seconds=float(row.seconds or 0),
        )

    def close(self) -> None:
        self._end_session()
        self._engine.dispose()

    @contextmanager
    def _in_session(self) -> Iterator[Connection]:
        """The session that the cursor was loaded in, and never another one in its place."""
        if self._session is None:
            raise SessionLost
        try:
            yield self._session
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise unavailable(error) from error
            self._end_session()
            self._leadership.renounce()
            raise SessionLost(str(unavailable(error))) from error

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.invalidate()
            session.close()

    def _fenced_off(self) -> LostLeadership:
        # Either another relay leads and the next beat tells, or somebody has changed the cursor's row by hand
        # and a new epoch is needed to go on.
        self._leadership.renounce()
        return LostLeadership()


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise unavailable(error) from error
    except PoolTimeoutError as error:
        raise SourceUnavailable(str(error)) from error


def _event(row: Row[tuple[object, ...]]) -> Event:
    return Event(
        position=row.position,
        event_id=row.id,
        topic=row.topic,
        key=row.aggregateid,
        event_type=row.type,
        source=row.source,
        payload=row.payload,
        traceparent=row.traceparent,
        created_at=row.created_at,
    )
