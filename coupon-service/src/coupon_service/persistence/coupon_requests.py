"""Requests for coupons."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Row,
    any_,
    bindparam,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, INTEGER, TEXT
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.sql import column

from coupon_service.domain.coupon_request import (
    CouponRequest,
    CouponRequestView,
    Decision,
    NewCouponRequest,
    RejectionReason,
    RequestStatus,
)
from coupon_service.persistence.tables import coupon_request


def _add_all() -> Insert:
    given = (
        func.unnest(
            bindparam("request_ids", type_=ARRAY(PG_UUID())),
            bindparam("coupon_ids", type_=ARRAY(BIGINT)),
            bindparam("user_ids", type_=ARRAY(BIGINT)),
        )
        .table_valued(column("request_id", PG_UUID()), column("coupon_id", BIGINT), column("user_id", BIGINT))
        .render_derived(name="given")
    )
    columns = coupon_request.c
    new = select(
        given.c.request_id,
        given.c.coupon_id,
        given.c.user_id,
        literal(RequestStatus.ACCEPTED.value, TEXT),
        # Not the host's clock: whether the coupon was open must not depend on which host was asked.
        func.clock_timestamp(),
    )
    return (
        insert(coupon_request)
        .from_select(
            [columns.request_id, columns.coupon_id, columns.user_id, columns.status, columns.requested_at],
            new,
        )
        .returning(columns.request_id, columns.requested_at)
    )


# Once: putting it together costs more than running it.
_ADD_ALL = _add_all()


class SqlCouponRequests:
    """The requests on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_all(self, new: Sequence[NewCouponRequest]) -> list[CouponRequest]:
        values = {
            "request_ids": [one.request_id for one in new],
            "coupon_ids": [one.coupon_id for one in new],
            "user_ids": [one.user_id for one in new],
        }
        rows = self._connection.execute(_ADD_ALL, values)
        accepted_at = {row.request_id: row.requested_at for row in rows}
        return [
            CouponRequest(one.request_id, one.coupon_id, one.user_id, accepted_at[one.request_id])
            for one in new
        ]

    def get(self, request_id: UUID) -> CouponRequestView | None:
        statement = select(coupon_request).where(coupon_request.c.request_id == request_id)
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _view(row)

    def views(self, request_ids: Collection[UUID]) -> dict[UUID, CouponRequestView]:
        rows = self._connection.execute(select(coupon_request).where(_is_one_of(request_ids)))
        return {row.request_id: _view(row) for row in rows}

    def stored(self, request_ids: Collection[UUID]) -> dict[UUID, CouponRequest]:
        rows = self._connection.execute(select(coupon_request).where(_is_one_of(request_ids)))
        return {row.request_id: _request(row) for row in rows}

    def undecided(self, request_ids: Collection[UUID]) -> set[UUID]:
        statement = select(coupon_request.c.request_id).where(
            _is_one_of(request_ids), coupon_request.c.status == RequestStatus.ACCEPTED.value
        )
        return set(self._connection.execute(statement).scalars())

    def record_decisions(self, decisions: Sequence[Decision], decided_at: datetime) -> None:
        decided = (
            func.unnest(
                literal([decision.request.request_id for decision in decisions], ARRAY(PG_UUID())),
                literal([decision.status.value for decision in decisions], ARRAY(TEXT)),
                literal([decision.reason and decision.reason.value for decision in decisions], ARRAY(TEXT)),
                literal([decision.decision_number for decision in decisions], ARRAY(BIGINT)),
                literal([decision.issue_number for decision in decisions], ARRAY(INTEGER)),
            )
            .table_valued(
                column("request_id", PG_UUID()),
                column("status", TEXT),
                column("reason", TEXT),
                column("decision_number", BIGINT),
                column("issue_number", INTEGER),
            )
            .render_derived(name="decided")
        )
        self._connection.execute(
            update(coupon_request)
            .where(coupon_request.c.request_id == decided.c.request_id)
            .values(
                status=decided.c.status,
                reason=decided.c.reason,
                decision_number=decided.c.decision_number,
                issue_number=decided.c.issue_number,
                decided_at=decided_at,
            )
        )


def _is_one_of(request_ids: Collection[UUID]) -> ColumnElement[bool]:
    return coupon_request.c.request_id == any_(literal(list(request_ids), ARRAY(PG_UUID())))


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
