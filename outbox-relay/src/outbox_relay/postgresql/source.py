"""The PostgreSQL side of a relay: the outbox of one database."""

from collections.abc import Mapping, Sequence

from outbox_relay.postgresql.known_topics import KnownTopics
from outbox_relay.postgresql.leadership import Leadership
from outbox_relay.postgresql.queries import query, sharded
from outbox_relay.postgresql.session import WorkSession
from outbox_relay.protocol.errors import ForeignCluster, LostLeadership, StatementTimedOut
from outbox_relay.protocol.model import Cursor, Event, Lease, Page, Shards, Window

_LARGE_WINDOW = 20_000
"""Rows up to which it is cheaper to look at all of a window than at the partitions."""


class PostgresSource:
    """An outbox as :class:`outbox_relay.protocol.relay.Source` promises it."""

    def __init__(
        self,
        session: WorkSession,
        leadership: Leadership,
        page_events: int,
        page_bytes: int,
        topics: KnownTopics | None = None,
    ) -> None:
        self._session = session
        self._topics = topics
        self._leadership = leadership
        self._page_events = page_events
        self._page_bytes = page_bytes
        self._limit = page_events
        self._places: dict[int, str] = {}

    def leases(self) -> Mapping[int, Lease]:
        return self._leadership.leases()

    def holds(self, leases: Sequence[Lease]) -> bool:
        return self._leadership.holds(leases)

    def let_go(self, kept: Sequence[Lease]) -> None:
        self._leadership.let_go(kept)

    def begin(self) -> None:
        self._session.begin()
        self._places = {}
        if self._topics is not None:
            self._topics.begin()

    def load(self, leases: Sequence[Lease]) -> tuple[int, Mapping[int, Cursor]]:
        if self._topics is not None:
            self._topics.load()
        rows = self._session.run(query("load_cursors"), **_fence(leases)).all()
        if len(rows) < len(leases):
            raise self._fenced_off()
        if not all(row.is_of_this_cluster for row in rows):
            raise ForeignCluster
        self._places |= {row.shard: row.place for row in rows}
        cursors = {row.shard: Cursor(row.snapshot, row.window_snapshot, row.window_position) for row in rows}
        return rows[0].shards, cursors

    def open_window(self, cursor: Cursor, upper: str | None) -> Window:
        row = self._session.run_prepared(
            "open_window",
            snapshot=cursor.snapshot,
            window=cursor.window_snapshot or upper,
            cap=_LARGE_WINDOW,
        ).one()
        start = row.main_start
        if row.main_rows >= _LARGE_WINDOW:
            start = self._find_main_start(cursor.snapshot)
        return Window(cursor.snapshot, row.snapshot, cursor.window_position, start, row.has_late_rows)

    def read_page(self, window: Window, shards: Shards, most_events: int | None) -> Page:
        limit = self._limit if most_events is None else min(self._limit, most_events)
        statement, parameters = sharded("read_late_page" if window.has_late_rows else "read_page", shards)
        try:
            rows = self._session.rows(
                statement,
                snapshot=window.lower,
                window=window.upper,
                position=window.position,
                main_start=window.main_start,
                limit=limit,
                bytes=self._page_bytes,
                **parameters,
            )
        except StatementTimedOut:
            # All payloads are read before their bytes are counted: try fewer.
            self._limit = max(1, limit // 10)
            raise
        cut = bool(rows) and rows[-1][-1] >= self._page_bytes
        complete = not cut and len(rows) < limit
        # What is beyond the bytes was read for nothing, so large events make for few rows.
        self._limit = max(1, 2 * len(rows)) if cut else self._limit * 2
        self._limit = min(self._limit, self._page_events)
        return Page([Event._make(row[:-1]) for row in rows], complete)

    def save(self, cursor: Cursor, leases: Sequence[Lease]) -> None:
        places = self._places_of(leases)
        parameters = {
            "snapshot": cursor.snapshot,
            "window": cursor.window_snapshot,
            "position": None if cursor.window_snapshot is None else cursor.window_position,
            **_fence(leases),
        }
        rows = self._session.run_prepared("save_cursors", places=places, **parameters).all()
        if len(rows) < len(leases):
            # The rows were moved, which does no harm, or have another leader, which the second look finds.
            self.load(leases)
            places = self._places_of(leases)
            rows = self._session.run_prepared("save_cursors", places=places, **parameters).all()
            if len(rows) < len(leases):
                raise self._fenced_off()
        self._places |= {row.shard: row.place for row in rows}

    def _places_of(self, leases: Sequence[Lease]) -> str:
        """As an array's literal: psycopg2 would give it the type of texts."""
        places = (self._places.get(lease.shard, "(0,0)") for lease in leases)
        return "{" + ",".join(f'"{place}"' for place in places) + "}"

    def _find_main_start(self, snapshot: str) -> int | None:
        """The smallest position of a large window's main part, looked for partition by partition.

        Only the first partition that has any of it is looked at whole. The default one of a zone, which takes
        events when there is no other, comes last there.
        """
        bounds = [0, *(row[0] for row in self._session.rows(query("partitions")))]
        ends = [*bounds[1:], 2**63 - 1]
        for begin, end in zip(bounds, ends, strict=True):
            parameters = {"from": begin, "to": end, "snapshot": snapshot}
            start: int | None = self._session.run(query("find_main_start"), **parameters).scalar_one()
            if start is not None:
                return start
        return None

    def _fenced_off(self) -> LostLeadership:
        # Another relay leads, which the next beat finds out, or an operator has changed the cursors by hand,
        # and going on takes a new epoch.
        self._leadership.renounce()
        return LostLeadership()


def _fence(leases: Sequence[Lease]) -> dict[str, object]:
    return {"shards": [lease.shard for lease in leases], "epochs": [lease.epoch for lease in leases]}
