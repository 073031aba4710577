"""Requests that are watched, and the lines in which they stand."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, TEXT

from coupon_service.application.ports import StandingRequest
from coupon_service.domain.line import Line
from servicekit.db.arrays import hex_array
from servicekit.db.prepared import PreparedStatement

# Requests from before migration 0012 have no batch: theirs never settles.
# The count belongs to the same snapshot as the request: a later decision has a higher number.
_FIND = text("""
    SELECT request_id, coupon_id, status = 'ACCEPTED' AS is_undecided,
           coalesce(accepted_xid::text::bigint, 9223372036854775807) AS batch, decided_count
      FROM coupon_request LEFT JOIN coupon USING (coupon_id)
     WHERE request_id = ANY (CAST(:request_ids AS uuid[]))
""").bindparams(bindparam("request_ids", type_=ARRAY(TEXT)))

_DECIDED = PreparedStatement("""
    SELECT request_id::text FROM coupon_request
     WHERE request_id = ANY ($1::uuid[]) AND status <> 'ACCEPTED'
""")

_DECIDED_COUNTS = text("""
    SELECT coupon_id, decided_count FROM coupon WHERE coupon_id = ANY (:coupon_ids)
""").bindparams(bindparam("coupon_ids", type_=ARRAY(BIGINT)))

# One row per coupon: fetching a row per decision would cost more than finding them.
_DECIDED_SINCE = text("""
    SELECT coupon_request.coupon_id, array_agg(request_id::text) AS request_ids
      FROM unnest(:coupon_ids, :counts) AS known (coupon_id, decided_count)
      JOIN coupon_request ON coupon_request.coupon_id = known.coupon_id
                         AND decision_number > known.decided_count
     GROUP BY coupon_request.coupon_id
""").bindparams(bindparam("coupon_ids", type_=ARRAY(BIGINT)), bindparam("counts", type_=ARRAY(BIGINT)))

_LINES = text("""
    SELECT coupon_id, array_agg(batch ORDER BY batch) AS batches,
           array_agg(undecided ORDER BY batch) AS undecided,
           pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS settled_below
      FROM (SELECT coupon_id, accepted_xid::text::bigint AS batch, count(*) AS undecided
              FROM coupon_request
             WHERE coupon_id = ANY (:coupon_ids) AND status = 'ACCEPTED' AND accepted_xid IS NOT NULL
             GROUP BY coupon_id, accepted_xid) AS batches
     GROUP BY coupon_id
""").bindparams(bindparam("coupon_ids", type_=ARRAY(BIGINT)))


class SqlLines:
    """The lines on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, request_ids: Collection[UUID]) -> dict[UUID, StandingRequest]:
        rows = self._connection.execute(_FIND, {"request_ids": [str(one) for one in request_ids]})
        return {
            row.request_id: StandingRequest(row.coupon_id, row.batch, row.is_undecided, row.decided_count)
            for row in rows
        }

    def decided(self, request_ids: Collection[UUID]) -> list[UUID]:
        rows = _DECIDED.execute(self._connection, hex_array(request_ids))
        return [UUID(row.request_id) for row in rows]

    def decided_counts(self, coupon_ids: Collection[int]) -> dict[int, int]:
        rows = self._connection.execute(_DECIDED_COUNTS, {"coupon_ids": list(coupon_ids)})
        return {row.coupon_id: row.decided_count for row in rows}

    def decided_since(self, decided_counts: Mapping[int, int]) -> dict[int, list[str]]:
        values = {"coupon_ids": list(decided_counts), "counts": list(decided_counts.values())}
        rows = self._connection.execute(_DECIDED_SINCE, values)
        return {row.coupon_id: row.request_ids for row in rows}

    def of_coupons(self, coupon_ids: Collection[int]) -> dict[int, Line]:
        rows = self._connection.execute(_LINES, {"coupon_ids": list(coupon_ids)})
        return {row.coupon_id: Line.of(row.batches, row.undecided, row.settled_below) for row in rows}
