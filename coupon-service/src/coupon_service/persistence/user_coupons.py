"""Coupons that users hold."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlalchemy import Connection, and_, func, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT
from sqlalchemy.sql import column

from coupon_service.domain.coupon_request import CouponRequest, Decision
from coupon_service.domain.user_coupon import UserCoupon
from coupon_service.persistence.coupons import discount_in
from coupon_service.persistence.tables import coupon, user_coupon


class SqlUserCoupons:
    """The user coupons on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def holders(self, requests: Sequence[CouponRequest]) -> Mapping[int, AbstractSet[int]]:
        if not requests:
            return {}
        asked = (
            func.unnest(
                literal([request.coupon_id for request in requests], ARRAY(BIGINT)),
                literal([request.user_id for request in requests], ARRAY(BIGINT)),
            )
            .table_valued(column("coupon_id", BIGINT), column("user_id", BIGINT))
            .render_derived(name="asked")
        )
        held = and_(user_coupon.c.coupon_id == asked.c.coupon_id, user_coupon.c.user_id == asked.c.user_id)
        statement = select(user_coupon.c.coupon_id, user_coupon.c.user_id).select_from(
            user_coupon.join(asked, held)
        )
        holders: defaultdict[int, set[int]] = defaultdict(set)
        for row in self._connection.execute(statement):
            holders[row.coupon_id].add(row.user_id)
        return holders

    def add_issued(self, decisions: Sequence[Decision], issued_at: datetime) -> None:
        rows = [
            {
                "coupon_id": decision.request.coupon_id,
                "user_id": decision.request.user_id,
                "request_id": decision.request.request_id,
                "issue_number": decision.issue_number,
                "issued_at": issued_at,
            }
            for decision in decisions
            if decision.issue_number is not None
        ]
        # The unique constraints are the last guard: one coupon a user, one issue number a coupon.
        if rows:
            self._connection.execute(insert(user_coupon), rows)

    def of_user(self, user_id: int, limit: int, before: int | None) -> list[UserCoupon]:
        statement = (
            select(user_coupon, coupon.c.name, coupon.c.discount_type, coupon.c.discount_value)
            .join_from(user_coupon, coupon, user_coupon.c.coupon_id == coupon.c.coupon_id)
            .where(user_coupon.c.user_id == user_id)
            .order_by(user_coupon.c.user_coupon_id.desc())
            .limit(limit)
        )
        # By id and not by time: two coupons issued in one batch have the same time.
        if before is not None:
            statement = statement.where(user_coupon.c.user_coupon_id < before)
        return [
            UserCoupon(
                user_coupon_id=row.user_coupon_id,
                coupon_id=row.coupon_id,
                name=row.name,
                discount=discount_in(row),
                request_id=row.request_id,
                issue_number=row.issue_number,
                issued_at=row.issued_at,
            )
            for row in self._connection.execute(statement)
        ]
