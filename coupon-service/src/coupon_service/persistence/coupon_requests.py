"""Requests for coupons."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Update,
    bindparam,
    case,
    cast,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, INTEGER, TEXT
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.sql import column

from coupon_service.domain.coupon_request import (
    CouponRequest,
    CouponRequestStanding,
    CouponRequestView,
    Decision,
    NewCouponRequest,
    RejectionReason,
    RequestStatus,
    StoredRequest,
)
from coupon_service.persistence.tables import coupon_request
from servicekit.db.arrays import hex_array
from servicekit.db.prepared import PreparedStatement, array

_ADD_ALL = PreparedStatement(
    "INSERT INTO coupon_request (request_id, coupon_id, user_id, status, requested_at)"  # noqa: S608 - our own
    # Not the host's clock: whether the coupon was open must not depend on which host was asked.
    f" SELECT request_id, coupon_id, user_id, '{RequestStatus.ACCEPTED.value}', clock_timestamp()"
    " FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS given (request_id, coupon_id, user_id)"
    " RETURNING request_id::text, requested_at"
)

# The places of all are read in one snapshot: what settles a place is explained in domain/line.py.
# The line of a coupon is read once, whatever the number of its requests; only of those that await a decision.
_STANDINGS = PreparedStatement("""
    WITH asked AS MATERIALIZED (
      SELECT * FROM coupon_request WHERE request_id = ANY ($1::uuid[])
    ), line AS (
      SELECT coupon_id, accepted_xid,
             sum(count(*)) OVER (PARTITION BY coupon_id ORDER BY accepted_xid) AS place
        FROM coupon_request
       WHERE coupon_id IN (SELECT coupon_id FROM asked WHERE status = 'ACCEPTED') AND status = 'ACCEPTED'
       GROUP BY coupon_id, accepted_xid
    )
    SELECT request_id, asked.coupon_id, user_id, status, reason, decision_number, issue_number, requested_at,
           decided_at, place::bigint AS place,
           extract(epoch FROM statement_timestamp() - requested_at)::float8 AS age_seconds
      FROM asked
      LEFT JOIN line
             ON asked.status = 'ACCEPTED'
            AND line.coupon_id = asked.coupon_id AND line.accepted_xid = asked.accepted_xid
            AND line.accepted_xid < pg_snapshot_xmin(pg_current_snapshot())
""")


def _stored() -> Select[Any]:
    asked = (
        func.unnest(cast(bindparam("request_ids", type_=TEXT), ARRAY(PG_UUID())))
        .table_valued(column("request_id", PG_UUID()), with_ordinality="place")
        .render_derived(name="asked")
    )
    columns = coupon_request.c
    return select(
        asked.c.place,
        columns.coupon_id,
        columns.user_id,
        columns.requested_at,
        columns.status != literal(RequestStatus.ACCEPTED.value, TEXT),
    ).join_from(asked, coupon_request, columns.request_id == asked.c.request_id)


def _record_decisions() -> Update:
    decided = (
        func.unnest(
            cast(bindparam("request_ids", type_=TEXT), ARRAY(PG_UUID())),
            bindparam("reasons", type_=ARRAY(TEXT)),
            bindparam("decision_numbers", type_=ARRAY(BIGINT)),
            bindparam("issue_numbers", type_=ARRAY(INTEGER)),
        )
        .table_valued(
            column("request_id", PG_UUID()),
            column("reason", TEXT),
            column("decision_number", BIGINT),
            column("issue_number", INTEGER),
        )
        .render_derived(name="decided")
    )
    columns = coupon_request.c
    return (
        update(coupon_request)
        .where(
            columns.request_id == decided.c.request_id,
            # Looked at again after a wait for another consumer, which may just have decided it.
            columns.status == literal(RequestStatus.ACCEPTED.value, TEXT),
        )
        .values(
            status=case(
                (decided.c.reason.is_(None), literal(RequestStatus.ISSUED.value, TEXT)),
                else_=literal(RequestStatus.REJECTED.value, TEXT),
            ),
            reason=decided.c.reason,
            decision_number=decided.c.decision_number,
            issue_number=decided.c.issue_number,
            decided_at=bindparam("decided_at", type_=columns.decided_at.type),
        )
    )


# Once: putting them together costs more than running them.
_STORED = _stored()
_RECORD_DECISIONS = _record_decisions()


class SqlCouponRequests:
    """The requests on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_all(self, new: Sequence[NewCouponRequest]) -> list[CouponRequest]:
        rows = _ADD_ALL.execute(
            self._connection,
            array([one.request_id for one in new]),
            array([one.coupon_id for one in new]),
            array([one.user_id for one in new]),
        )
        accepted_at: dict[str, datetime] = {row[0]: row[1] for row in rows}
        return [
            CouponRequest(one.request_id, one.coupon_id, one.user_id, accepted_at[str(one.request_id)])
            for one in new
        ]

    def standings(self, request_ids: Collection[UUID]) -> dict[UUID, CouponRequestStanding]:
        rows = _STANDINGS.execute(self._connection, array(request_ids))
        return {
            (view := _view(row)).request.request_id: CouponRequestStanding(view, row.place, row.age_seconds)
            for row in rows
        }

    def stored(self, request_ids: Sequence[UUID]) -> dict[UUID, StoredRequest]:
        rows = self._connection.execute(_STORED, {"request_ids": hex_array(request_ids)})
        # By place: reading the ids back would cost more than all the rest.
        return {
            (request_id := request_ids[place - 1]): StoredRequest(
                CouponRequest(request_id, coupon_id, user_id, requested_at), is_decided
            )
            for place, coupon_id, user_id, requested_at, is_decided in rows
        }

    def record_decisions(self, decisions: Sequence[Decision], decided_at: datetime) -> bool:
        values = {
            "request_ids": hex_array(decision.request.request_id for decision in decisions),
            "reasons": [decision.reason and decision.reason.value for decision in decisions],
            "decision_numbers": [decision.decision_number for decision in decisions],
            "issue_numbers": [decision.issue_number for decision in decisions],
            "decided_at": decided_at,
        }
        return self._connection.execute(_RECORD_DECISIONS, values).rowcount == len(decisions)


def _request(row: Row[Any]) -> CouponRequest:
    return CouponRequest(row.request_id, row.coupon_id, row.user_id, row.requested_at)


def _view(row: Row[Any]) -> CouponRequestView:
    return CouponRequestView(
        request=_request(row),
        status=RequestStatus(row.status),
        reason=None if row.reason is None else RejectionReason(row.reason),
        decision_number=row.decision_number,
        issue_number=row.issue_number,
        decided_at=row.decided_at,
    )
