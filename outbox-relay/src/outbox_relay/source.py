"""The PostgreSQL side of a relay: one shard of one outbox."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from outbox_relay.database import unavailable
from outbox_relay.errors import CursorMissing, LostLeadership, SourceUnavailable
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
    """A shard as :class:`outbox_relay.relay.Source` promises it."""

    def __init__(self, engine: Engine, leadership: Leadership, shard: int) -> None:
        self._engine = engine
        self._leadership = leadership
        self._shard = shard

    def lease(self) -> Lease | None:
        return self._leadership.lease()

    def load(self, epoch: int) -> Cursor:
        with self._connected() as connection:
            parameters = {"shard": self._shard, "epoch": epoch}
            row = connection.execute(query("load_cursor"), parameters).one_or_none()
        if row is None:
            raise LostLeadership
        return Cursor(row.snapshot, row.window_snapshot, row.window_position)

    def open_window(self, cursor: Cursor) -> Window | None:
        parameters = {"snapshot": cursor.snapshot, "window": cursor.window_snapshot}
        with self._connected() as connection:
            row = connection.execute(query("open_window"), parameters).one()
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
        with self._connected() as connection:
            return [_event(row) for row in connection.execute(query("read_page"), parameters)]

    def save(self, cursor: Cursor, epoch: int) -> None:
        parameters = {
            "snapshot": cursor.snapshot,
            "window": cursor.window_snapshot,
            "position": None if cursor.window_snapshot is None else cursor.window_position,
            "shard": self._shard,
            "epoch": epoch,
        }
        with self._connected() as connection:
            if connection.execute(query("save_cursor"), parameters).rowcount != 1:
                raise LostLeadership

    def lag(self) -> Lag:
        """What waits now; may be asked of a relay that doesn't lead, too."""
        with self._connected() as connection:
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
        self._engine.dispose()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
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
