"""Requests for coupons."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, any_, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, INTEGER, TEXT, insert
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.sql import column

from coupon_service.domain.coupon_request import (
    CouponRequest,
    CouponRequestView,
    Decision,
    RejectionReason,
    RequestStatus,
)
from coupon_service.persistence.tables import coupon_request


class SqlCouponRequests:
    """The requests on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, request: CouponRequest) -> None:
        self._connection.execute(insert(coupon_request), _accepted(request))

    def adopt(self, requests: Sequence[CouponRequest]) -> None:
        # In order of id, so that two workers that adopt the same requests never deadlock.
        self._connection.execute(
            insert(coupon_request).on_conflict_do_nothing(),
            [_accepted(request) for request in sorted(requests, key=lambda request: request.request_id)],
        )

    def get(self, request_id: UUID) -> CouponRequestView | None:
        statement = select(coupon_request).where(coupon_request.c.request_id == request_id)
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _view(row)

    def get_all(self, request_ids: Collection[UUID]) -> dict[UUID, CouponRequestView]:
        if not request_ids:
            return {}
        statement = select(coupon_request).where(
            coupon_request.c.request_id == any_(literal(list(request_ids), ARRAY(PG_UUID())))
        )
        return {row.request_id: _view(row) for row in self._connection.execute(statement)}

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


def _accepted(request: CouponRequest) -> dict[str, Any]:
    return {
        "request_id": request.request_id,
        "coupon_id": request.coupon_id,
        "user_id": request.user_id,
        "status": RequestStatus.ACCEPTED.value,
        "requested_at": request.requested_at,
    }


def _view(row: Row[Any]) -> CouponRequestView:
    return CouponRequestView(
        request=CouponRequest(row.request_id, row.coupon_id, row.user_id, row.requested_at),
        status=RequestStatus(row.status),
        reason=None if row.reason is None else RejectionReason(row.reason),
        decision_number=row.decision_number,
        issue_number=row.issue_number,
        decided_at=row.decided_at,
    )
