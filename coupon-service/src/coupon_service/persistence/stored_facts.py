"""What is stored, compared with itself: a page in a statement, so that nothing waits and vacuum goes on."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row, TextClause, text

from coupon_service.application.ports import Found, Page
from coupon_service.domain.coupon_request import RequestToDecide
from coupon_service.domain.reconciling import (
    HISTORY_NEVER_REMOVED_WITHIN,
    NEVER_REMOVED_WITHIN,
    UNDECIDED_AGE,
    CouponCount,
    DifferenceKind,
    EventState,
    NumberRange,
    UndecidedRequests,
)

PAGE_ROWS = 20_000
_COUPONS_AT_A_TIME = 500
_UNDECIDED = "undecided"

_ESTIMATES = text("""
    SELECT relname, greatest(reltuples, 0)::bigint AS number FROM pg_class
     WHERE oid IN ('coupon'::regclass, 'coupon_request'::regclass, 'user_coupon'::regclass,
                   'coupon_order'::regclass, 'idempotency_key'::regclass)
    UNION ALL
    SELECT 'outbox', coalesce(sum(greatest(part.reltuples, 0)), 0)::bigint
      FROM pg_partition_tree('outbox') AS tree JOIN pg_class AS part ON part.oid = tree.relid AND tree.isleaf
""")
_NAMES = {
    "coupon": "coupons",
    "coupon_request": "requests",
    "user_coupon": "user_coupons",
    "coupon_order": "orders",
    "idempotency_key": "keys",
    "outbox": "outbox_events",
}

# LATERAL with OFFSET 0: each page is looked up by the index. Joined otherwise, a page may read a whole table.
_REQUESTS = text("""
    SELECT request.request_id AS id,
           CASE WHEN request.status = 'ISSUED' AND held.request_id IS NULL THEN 'issued_without_user_coupon'
                WHEN held.request_id IS NULL THEN 'undecided'
                WHEN request.status <> 'ISSUED' THEN 'user_coupon_without_issue'
                ELSE 'user_coupon_disagrees' END AS kind,
           request.status = 'ACCEPTED' AND request.requested_at < statement_timestamp() - :age AS is_undecided
      FROM coupon_request AS request
      LEFT JOIN LATERAL (SELECT * FROM user_coupon WHERE user_coupon.request_id = request.request_id OFFSET 0)
           AS held ON true
     WHERE request.request_id > :after AND request.request_id <= :until
       AND CASE WHEN held.request_id IS NULL
                THEN request.status = 'ISSUED'
                     OR (request.status = 'ACCEPTED' AND request.requested_at < statement_timestamp() - :age)
                ELSE request.status <> 'ISSUED'
                     OR (held.coupon_id, held.user_id, held.issue_number)
                        IS DISTINCT FROM (request.coupon_id, request.user_id, request.issue_number) END
     ORDER BY request.request_id
""")
_USER_COUPONS = text("""
    SELECT held.user_coupon_id AS id, wrong.kind
      FROM user_coupon AS held
      JOIN coupon USING (coupon_id)
      LEFT JOIN LATERAL (
               SELECT change_number, kind FROM user_coupon_change AS change
                WHERE change.user_coupon_id = held.user_coupon_id ORDER BY change_number DESC LIMIT 1)
           AS last ON true
      LEFT JOIN LATERAL (
               SELECT count(*) AS number, coalesce(min(change_number), held.change_count + 1) AS first
                 FROM user_coupon_change AS change
                WHERE change.user_coupon_id = held.user_coupon_id) AS changes ON true
     CROSS JOIN LATERAL (
               SELECT 'history_disagrees' AS kind
                WHERE changes.number <> held.change_count - changes.first + 1
                   OR held.change_count <> coalesce(last.change_number, held.change_count)
                   -- The first changes of an older one may have been removed, or all.
                   OR changes.first > 1 AND held.issued_at > statement_timestamp() - :never_removed
                   OR held.status <> CASE WHEN last.kind IS NULL AND held.change_count > 0 THEN held.status
                                          WHEN last.kind IS NULL OR last.kind IN ('RELEASED', 'LAPSED')
                                          THEN 'ISSUED' ELSE last.kind END
               UNION ALL
               SELECT 'limit_exceeded' WHERE held.copy_number > coupon.limit_per_user
               UNION ALL
               SELECT 'copy_missing'
                WHERE held.copy_number > 1 AND NOT EXISTS (
                      SELECT FROM user_coupon AS before
                       WHERE before.coupon_id = held.coupon_id AND before.user_id = held.user_id
                         AND before.copy_number = held.copy_number - 1)) AS wrong
     WHERE held.user_coupon_id > :after AND held.user_coupon_id <= :until
     ORDER BY held.user_coupon_id
""")
# An order that differs only in the amount uses its coupon as well.
_COUPON_ORDERS = text("""
    SELECT known.order_id AS id, 'order_disagrees' AS kind
      FROM coupon_order AS known
      LEFT JOIN order_difference AS difference ON difference.order_id = known.order_id
     CROSS JOIN LATERAL (
               SELECT EXISTS (SELECT FROM user_coupon AS held
                               WHERE held.user_coupon_id = known.user_coupon_id
                                 AND held.order_id = known.order_id
                                 AND held.status = 'USED') AS by_it) AS used
     WHERE known.order_id > :after AND known.order_id <= :until
       AND CASE WHEN known.cancelled_at IS NOT NULL THEN used.by_it
                WHEN difference.order_id IS NOT NULL
                THEN NOT used.by_it AND difference.reason = 'ANOTHER_AMOUNT'
                -- The difference of an older one may have been removed: it goes before its order.
                ELSE NOT used.by_it AND known.completed_at > statement_timestamp() - :never_removed END
     ORDER BY known.order_id
""")
# Statistics don't say how many keys are between two others: the page ends with a LIMIT.
_KEYS = text("""
    WITH page AS MATERIALIZED (
        SELECT scope, key, reply ->> 'requestId' AS request_id, created_at FROM idempotency_key
         WHERE (scope, key) > (:scope, :key) ORDER BY scope, key LIMIT :limit)
    SELECT count(*) AS number,
           (array_agg(page.scope ORDER BY page.scope, page.key))[count(*)] AS scope,
           (array_agg(page.key ORDER BY page.scope, page.key))[count(*)] AS key,
           array_agg(page.request_id) FILTER (
               WHERE page.request_id IS NOT NULL AND request.request_id IS NULL
                 -- The request of an older key may have been removed.
                 AND page.created_at > statement_timestamp() - :never_removed) AS without_request
      FROM page
      LEFT JOIN LATERAL (
               SELECT coupon_request.request_id FROM coupon_request
                WHERE coupon_request.request_id = page.request_id::uuid OFFSET 0) AS request ON true
""")
# A snapshot of another cluster says nothing of this one's transactions: nothing counts as published.
_OUTBOX = text("""
    WITH identity AS MATERIALIZED (SELECT system_identifier FROM pg_control_system())
    SELECT event.position AS id, request.request_id,
           CASE WHEN request.request_id IS NULL THEN 'outbox_event_without_request'
                WHEN (event.payload ->> 'couponId', event.payload ->> 'userId', event.aggregateid)
                     IS DISTINCT FROM
                     (request.coupon_id::text, request.user_id::text, request.coupon_id::text)
                THEN 'outbox_event_disagrees'
                ELSE 'undecided' END AS kind,
           event.created_at > statement_timestamp() - :never_removed AS is_young,
           CASE WHEN letter.state IN ('PARKED', 'REPLAYING') THEN 'PARKED'
                WHEN letter.state = 'DISCARDED' THEN 'DISCARDED'
                WHEN pg_visible_in_snapshot(event.xid, cursor.snapshot) THEN 'PUBLISHED'
                ELSE 'UNPUBLISHED' END AS state
      FROM outbox AS event
      CROSS JOIN LATERAL (
               SELECT CASE WHEN event.payload ->> 'requestId'
                                ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
                           THEN (event.payload ->> 'requestId')::uuid END AS request_id) AS given
      LEFT JOIN LATERAL (
               SELECT * FROM coupon_request WHERE coupon_request.request_id = given.request_id OFFSET 0)
           AS request ON true
      LEFT JOIN outbox_dead_letter AS letter ON letter.position = event.position
      LEFT JOIN outbox_cursor AS cursor
        ON cursor.shard = mod(hashtextextended(event.aggregateid COLLATE "C", 0) & 2147483647, cursor.shards)
       AND cursor.system_identifier = (SELECT system_identifier FROM identity)
     WHERE event.topic = :topic AND event.position > :after AND event.position <= :until
       AND (request.request_id IS NULL OR request.status = 'ACCEPTED'
            OR (event.payload ->> 'couponId', event.payload ->> 'userId', event.aggregateid)
               IS DISTINCT FROM (request.coupon_id::text, request.user_id::text, request.coupon_id::text))
""")
# Copies, which outlive what the outbox keeps.
_PARKED = text("""
    SELECT letter.position AS id, letter.payload ->> 'requestId' AS request_id,
           CASE letter.state WHEN 'DISCARDED' THEN 'DISCARDED' ELSE 'PARKED' END AS state
      FROM outbox_dead_letter AS letter
     WHERE letter.position > :after AND letter.topic = :topic AND letter.state <> 'REPLAYED'
       AND letter.payload ->> 'requestId' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
     ORDER BY letter.position LIMIT :limit
""")
_COUPONS = text("""
    SELECT coupon_id, total_quantity, issued_quantity, decided_count,
           coalesce((SELECT max(issue_number) FROM user_coupon AS held
                      WHERE held.coupon_id = coupon.coupon_id), 0) AS highest_issue_number,
           coalesce((SELECT max(decision_number) FROM coupon_request AS request
                      WHERE request.coupon_id = coupon.coupon_id AND decision_number IS NOT NULL), 0)
               AS highest_decision_number
      FROM coupon WHERE coupon_id > :after ORDER BY coupon_id LIMIT :limit
""")
_RANGES = (
    "unnest(CAST(:coupon_ids AS bigint[]), CAST(:afters AS bigint[]), CAST(:untils AS bigint[]))"
    " AS range (coupon_id, after, until)"
)
_SHORT = """
    SELECT range.coupon_id, range.after, range.until FROM {ranges}
     CROSS JOIN LATERAL (
               SELECT count(*) AS number FROM {table} AS numbered
                WHERE numbered.coupon_id = range.coupon_id
                  AND numbered.{number} > range.after AND numbered.{number} <= range.until) AS found
     WHERE found.number < range.until - range.after
"""
_GAPS = """
    SELECT gap.coupon_id, gap.after, gap.until
      FROM (SELECT range.coupon_id, there.number AS after,
                   lead(there.number) OVER (
                       PARTITION BY range.coupon_id, range.after ORDER BY there.number) - 1 AS until
              FROM {ranges}
             CROSS JOIN LATERAL (
                      SELECT range.after AS number UNION ALL SELECT range.until + 1
                      UNION ALL
                      SELECT numbered.{number} FROM {table} AS numbered
                       WHERE numbered.coupon_id = range.coupon_id
                         AND numbered.{number} > range.after AND numbered.{number} <= range.until) AS there
           ) AS gap
     WHERE gap.until > gap.after {condition}
     ORDER BY gap.coupon_id, gap.after
"""
# A number is given out no earlier than the one before it, or than its coupon was made.
_YOUNG = """
       AND coalesce((SELECT numbered.decided_at FROM coupon_request AS numbered
                      WHERE numbered.coupon_id = gap.coupon_id AND numbered.decision_number <= gap.after
                      ORDER BY numbered.decision_number DESC LIMIT 1),
                    (SELECT created_at FROM coupon WHERE coupon.coupon_id = gap.coupon_id))
           > statement_timestamp() - :never_removed
"""
_ISSUES = {"ranges": _RANGES, "table": "user_coupon", "number": "issue_number"}
_DECISIONS = {"ranges": _RANGES, "table": "coupon_request", "number": "decision_number"}
_SHORT_OF_ISSUES = text(_SHORT.format(**_ISSUES))
_SHORT_OF_DECISIONS = text(_SHORT.format(**_DECISIONS))
_ISSUE_GAPS = text(_GAPS.format(**_ISSUES, condition=""))
_DECISION_GAPS = text(_GAPS.format(**_DECISIONS, condition=_YOUNG))
_REFUSED = text("""
    SELECT event.event_id
      FROM unnest(CAST(:event_ids AS uuid[]), CAST(:request_ids AS uuid[]), CAST(:coupon_ids AS bigint[]),
                  CAST(:user_ids AS bigint[])) AS event (event_id, request_id, coupon_id, user_id)
      LEFT JOIN LATERAL (
               SELECT * FROM coupon_request WHERE coupon_request.request_id = event.request_id OFFSET 0)
           AS request ON true
     WHERE (request.coupon_id, request.user_id) IS DISTINCT FROM (event.coupon_id, event.user_id)
""")
_NEXT_OFFSETS = text("""
    SELECT partition, next_offset, cluster_id, topic_id FROM consumer_offset
     WHERE consumer_group = :consumer_group AND topic = :topic
""")
_STILL_UNDECIDED = text("""
    SELECT request_id FROM coupon_request
     WHERE request_id = ANY (CAST(:request_ids AS uuid[])) AND status = 'ACCEPTED'
""")


class SqlStoredFacts:
    """Reads without a transaction that lasts; each page is seen at one moment."""

    def __init__(
        self,
        engine: Engine,
        *,
        topic: str,
        consumer_group: str,
        page_rows: int = PAGE_ROWS,
        undecided_age: timedelta = UNDECIDED_AGE,
    ) -> None:
        self._engine = engine
        self._topic = topic
        self._consumer_group = consumer_group
        self._page_rows = page_rows
        self._undecided_age = undecided_age

    def now(self) -> datetime:
        [row] = self._rows(text("SELECT clock_timestamp() AS now"))
        now: datetime = row.now
        return now

    def estimates(self) -> Mapping[str, int]:
        return {_NAMES[row.relname]: row.number for row in self._rows(_ESTIMATES)}

    def requests(self, undecided: UndecidedRequests) -> Iterator[Page]:
        for number, bounds in self._pages("coupon_request", "request_id", UUID(int=0)):
            found = []
            for row in self._rows(_REQUESTS, age=self._undecided_age, **bounds):
                if row.is_undecided:
                    undecided.add(row.id)
                if row.kind != _UNDECIDED:
                    found.append((DifferenceKind(row.kind), row.id))
            yield number, found

    def user_coupons(self) -> Iterator[Page]:
        for number, bounds in self._pages("user_coupon", "user_coupon_id", 0):
            rows = self._rows(_USER_COUPONS, never_removed=HISTORY_NEVER_REMOVED_WITHIN, **bounds)
            yield number, [(DifferenceKind(row.kind), row.id) for row in rows]

    def orders(self) -> Iterator[Page]:
        for number, bounds in self._pages("coupon_order", "order_id", UUID(int=0)):
            rows = self._rows(_COUPON_ORDERS, never_removed=HISTORY_NEVER_REMOVED_WITHIN, **bounds)
            yield number, [(DifferenceKind(row.kind), row.id) for row in rows]

    def keys(self) -> Iterator[Page]:
        scope, key = "", ""
        while True:
            [page] = self._rows(
                _KEYS, scope=scope, key=key, limit=self._page_rows, never_removed=NEVER_REMOVED_WITHIN
            )
            if not page.number:
                return
            found = [(DifferenceKind.KEY_WITHOUT_REQUEST, one) for one in page.without_request or ()]
            yield page.number, found
            scope, key = page.scope, page.key

    def coupons(self) -> Iterator[list[CouponCount]]:
        after = 0
        while rows := self._rows(_COUPONS, after=after, limit=_COUPONS_AT_A_TIME):
            yield [CouponCount(**row._mapping) for row in rows]  # noqa: SLF001 - public
            after = rows[-1].coupon_id

    def missing_issue_numbers(self, ranges: Sequence[NumberRange]) -> list[NumberRange]:
        return self._gaps(_SHORT_OF_ISSUES, _ISSUE_GAPS, ranges)

    def missing_decision_numbers(self, ranges: Sequence[NumberRange]) -> list[NumberRange]:
        return self._gaps(_SHORT_OF_DECISIONS, _DECISION_GAPS, ranges, never_removed=NEVER_REMOVED_WITHIN)

    def outbox_events(self, undecided: UndecidedRequests) -> Iterator[Page]:
        # Dead letters first: an event that is replayed in between is then seen as published.
        after = 0
        while rows := self._rows(_PARKED, after=after, topic=self._topic, limit=self._page_rows):
            for row in rows:
                undecided.saw_event(UUID(row.request_id), EventState[row.state])
            after = rows[-1].id
        for number, bounds in self._pages("outbox", "position", 0):
            found: list[Found] = []
            parameters = {"topic": self._topic, "never_removed": NEVER_REMOVED_WITHIN, **bounds}
            for row in self._rows(_OUTBOX, **parameters):
                if row.kind != _UNDECIDED:
                    if row.is_young:
                        found.append((DifferenceKind(row.kind), row.id))
                else:
                    undecided.saw_event(row.request_id, EventState[row.state])
            yield number, found

    def refused(self, events: Sequence[RequestToDecide]) -> frozenset[UUID]:
        rows = self._rows(
            _REFUSED,
            event_ids=[event.event_id for event in events],
            request_ids=[event.request_id for event in events],
            coupon_ids=[event.coupon_id for event in events],
            user_ids=[event.user_id for event in events],
        )
        return frozenset(row.event_id for row in rows)

    def next_offsets(self, identity: tuple[str, str | None]) -> Mapping[int, int]:
        rows = self._rows(_NEXT_OFFSETS, consumer_group=self._consumer_group, topic=self._topic)
        # Offsets of a former topic of this name say nothing; its worker begins anew.
        return {
            row.partition: row.next_offset
            for row in rows
            if row.cluster_id == identity[0]
            and (None in (row.topic_id, identity[1]) or row.topic_id == identity[1])
        }

    def still_undecided(self, request_ids: Sequence[UUID]) -> frozenset[UUID]:
        rows = self._rows(_STILL_UNDECIDED, request_ids=list(request_ids))
        return frozenset(row.request_id for row in rows)

    def _pages(self, table: str, key: str, after: object) -> Iterator[tuple[int, dict[str, Any]]]:
        """The number of rows of each page, and its bounds. Rows that come meanwhile don't make it longer."""
        # Our own names, and no values.
        newest = text(f"SELECT {key} AS id FROM {table} ORDER BY {key} DESC LIMIT 1")  # noqa: S608
        end = text(
            f"SELECT count(*) AS number, (array_agg({key}))[count(*)] AS until"  # noqa: S608
            f"  FROM (SELECT {key} FROM {table} WHERE {key} > :after AND {key} <= :last"
            f"         ORDER BY {key} LIMIT :limit) AS page"
        )
        for last in self._rows(newest):
            yield from self._pages_until(last.id, end, after)

    def _pages_until(
        self, last: object, end: TextClause, after: object
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        while True:
            [page] = self._rows(end, after=after, last=last, limit=self._page_rows)
            if not page.number:
                return
            yield page.number, {"after": after, "until": page.until}
            after = page.until

    def _gaps(
        self, short: TextClause, gaps: TextClause, ranges: Sequence[NumberRange], **more: object
    ) -> list[NumberRange]:
        rows = self._rows(short, **_columns(ranges))
        if not rows:
            return []
        found = self._rows(gaps, **_columns([_range(row) for row in rows]), **more)
        return [_range(row) for row in found]

    def _rows(self, statement: TextClause, **parameters: object) -> Sequence[Row[Any]]:
        with self._engine.connect() as connection:
            return connection.execute(statement, parameters).all()


def _range(row: Row[Any]) -> NumberRange:
    return NumberRange(row.coupon_id, row.after, row.until)


def _columns(ranges: Sequence[NumberRange]) -> dict[str, list[int]]:
    return {
        "coupon_ids": [one.coupon_id for one in ranges],
        "afters": [one.after for one in ranges],
        "untils": [one.until for one in ranges],
    }
