"""Undecided requests by page of all requests, without an index of their own."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, text

from coupon_service.application.ports import UndecidedPage
from coupon_service.domain.reconciling import UNDECIDED_AGE

_PAGE_ROWS = 10_000

# Published is what is older than the first event that isn't, with room for transactions that ended in another
# order than they wrote. An event that the relay has parked holds back its coupon and has its own alert.
_PAGE = text("""
    WITH page AS MATERIALIZED (
        SELECT request_id, coupon_id, status, requested_at FROM coupon_request
         WHERE request_id > :after ORDER BY request_id LIMIT :limit),
    unpublished AS MATERIALIZED (
        SELECT min(first.created_at) AS since
          FROM outbox_cursor AS cursor
         CROSS JOIN LATERAL (
               (SELECT created_at FROM outbox WHERE xid >= pg_snapshot_xmax(cursor.snapshot)
                 ORDER BY xid, position LIMIT 100)
               UNION ALL
               (SELECT late_event.created_at FROM pg_snapshot_xip(cursor.snapshot) AS late (xid)
                 CROSS JOIN LATERAL (SELECT created_at FROM outbox WHERE outbox.xid = late.xid LIMIT 1)
                    AS late_event)) AS first)
    SELECT count(*) AS number, (array_agg(page.request_id))[count(*)] AS last_id,
           (array_agg(page.request_id) FILTER (WHERE page.status = 'ACCEPTED'))[1] AS first_undecided_id,
           extract(epoch FROM statement_timestamp() - min(page.requested_at) FILTER (
               WHERE page.status = 'ACCEPTED' AND page.requested_at < statement_timestamp() - :age
                 AND page.requested_at
                     < coalesce((SELECT since FROM unpublished) - interval '30 seconds', 'infinity')
                 AND NOT EXISTS (SELECT FROM outbox_dead_letter AS letter
                                  WHERE letter.state IN ('PARKED', 'REPLAYING') AND letter.topic = :topic
                                    AND letter.aggregateid = page.coupon_id::text))) AS oldest_seconds
      FROM page
""")


class SqlUndecidedPages:
    """Each page is a statement and a transaction of its own."""

    def __init__(self, engine: Engine, topic: str) -> None:
        self._engine = engine
        self._topic = topic

    def now(self) -> datetime:
        with self._engine.connect() as connection:
            now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return now

    def after(self, request_id: UUID) -> UndecidedPage:
        parameters = {"after": request_id, "limit": _PAGE_ROWS, "age": UNDECIDED_AGE, "topic": self._topic}
        with self._engine.connect() as connection:
            row = connection.execute(_PAGE, parameters).one()
        oldest = None if row.oldest_seconds is None else float(row.oldest_seconds)
        return UndecidedPage(row.last_id, row.first_undecided_id, oldest)
