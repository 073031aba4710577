"""Campaigns in PostgreSQL."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, any_, insert, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT

from coupon_service.domain.coupon import Coupon, NewCoupon
from coupon_service.domain.deciding import CampaignState
from coupon_service.domain.discount import Discount, DiscountType
from coupon_service.domain.request import Decision
from coupon_service.persistence.tables import coupon


class PostgresCoupons:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, new: NewCoupon, created_at: datetime) -> int:
        statement = insert(coupon).returning(coupon.c.coupon_id)
        values = {
            "name": new.name,
            "total_quantity": new.total_quantity,
            "issued_quantity": 0,
            "decided_count": 0,
            "starts_at": new.starts_at,
            "ends_at": new.ends_at,
            "discount_type": new.discount.type.value,
            "discount_value": new.discount.value,
            "created_at": created_at,
        }
        return int(self._connection.execute(statement, values).scalar_one())

    def get(self, coupon_id: int) -> Coupon | None:
        row = self._connection.execute(select(coupon).where(coupon.c.coupon_id == coupon_id)).one_or_none()
        return None if row is None else _coupon(row)

    def lock_campaigns(self, coupon_ids: Collection[int]) -> dict[int, CampaignState]:
        statement = (
            select(
                coupon.c.coupon_id,
                coupon.c.total_quantity,
                coupon.c.issued_quantity,
                coupon.c.decided_count,
                coupon.c.starts_at,
                coupon.c.ends_at,
            )
            .where(coupon.c.coupon_id == any_(literal(sorted(coupon_ids), ARRAY(BIGINT))))
            .order_by(coupon.c.coupon_id)
            .with_for_update()
        )
        return {row.coupon_id: CampaignState(**row._asdict()) for row in self._connection.execute(statement)}

    def record_progress(self, decisions: Sequence[Decision]) -> None:
        progress: dict[int, tuple[int, int]] = {}
        for decision in decisions:
            if decision.decision_number is not None:
                coupon_id = decision.request.coupon_id
                decided, issued = progress.get(coupon_id, (0, 0))
                progress[coupon_id] = (decided + 1, issued + (decision.issue_number is not None))
        for coupon_id, (decided, issued) in sorted(progress.items()):
            self._connection.execute(
                update(coupon)
                .where(coupon.c.coupon_id == coupon_id)
                .values(
                    decided_count=coupon.c.decided_count + decided,
                    issued_quantity=coupon.c.issued_quantity + issued,
                )
            )


def discount_of(row: Row[Any]) -> Discount:
    return Discount(DiscountType(row.discount_type), row.discount_value)


def _coupon(row: Row[Any]) -> Coupon:
    return Coupon(
        coupon_id=row.coupon_id,
        name=row.name,
        total_quantity=row.total_quantity,
        issued_quantity=row.issued_quantity,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        discount=discount_of(row),
        created_at=row.created_at,
    )
