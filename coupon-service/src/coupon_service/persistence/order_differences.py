"""Paid orders whose discounts their coupons do not account for."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from coupon_service.domain.coupon_order import (
    DifferenceReason,
    DiscountedOrder,
    OrderDifference,
    Settlement,
)
from coupon_service.persistence.tables import coupon_order, order_difference

# The order is locked as well: its cancellation does not come between. Whatever locks one does it soon again.
_LOCK_FREED = text("""
    SELECT known.order_id, known.user_id, known.user_coupon_id, known.currency, known.paid_amount,
           known.discount_amount
      FROM order_difference AS difference
      JOIN coupon_order AS known ON known.order_id = difference.order_id
      JOIN user_coupon AS held ON held.user_coupon_id = known.user_coupon_id
     WHERE difference.settled_at IS NULL AND difference.reason = 'HELD_BY_ANOTHER_ORDER'
       AND known.paid_amount IS NOT NULL AND known.cancelled_at IS NULL
       AND NOT (held.status = 'RESERVED' AND held.reserved_until > clock_timestamp())
     ORDER BY difference.found_at LIMIT :limit
       FOR UPDATE OF difference, known SKIP LOCKED
""")


class SqlOrderDifferences:
    """The differences on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, order_id: UUID, reason: DifferenceReason, found_at: datetime) -> bool:
        values = {"order_id": order_id, "reason": reason.value, "found_at": found_at}
        statement = insert(order_difference).values(values).on_conflict_do_nothing()
        return self._connection.execute(statement).rowcount == 1

    def settle(self, order_ids: Collection[UUID], settlement: Settlement) -> set[UUID]:
        if not order_ids:
            return set()
        columns = order_difference.c
        statement = (
            update(order_difference)
            .where(columns.order_id.in_(order_ids), columns.settled_at.is_(None))
            .values(
                settled_at=settlement.settled_at, settled_by=settlement.by, settled_reason=settlement.reason
            )
            .returning(columns.order_id)
        )
        return set(self._connection.execute(statement).scalars())

    def lock_freed(self, limit: int) -> list[DiscountedOrder]:
        found = self._connection.execute(_LOCK_FREED, {"limit": limit})
        return [DiscountedOrder(**row) for row in found.mappings()]

    def change_reason(self, order_id: UUID, reason: DifferenceReason) -> None:
        is_it = order_difference.c.order_id == order_id
        self._connection.execute(update(order_difference).where(is_it).values(reason=reason.value))

    def get(self, order_id: UUID) -> OrderDifference | None:
        statement = _differences().where(order_difference.c.order_id == order_id)
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _difference(row)

    def oldest(self, limit: int, *, every: bool) -> list[OrderDifference]:
        columns = order_difference.c
        statement = _differences().order_by(columns.found_at, columns.order_id).limit(limit)
        if not every:
            statement = statement.where(columns.settled_at.is_(None))
        return [_difference(row) for row in self._connection.execute(statement)]

    def count_open(self) -> int:
        is_open = order_difference.c.settled_at.is_(None)
        statement = select(func.count()).select_from(order_difference).where(is_open)
        number: int = self._connection.execute(statement).scalar_one()
        return number


def _differences() -> Select[Any]:
    order = coupon_order.c
    return select(
        order_difference, order.user_id, order.user_coupon_id, order.currency, order.discount_amount
    ).join_from(order_difference, coupon_order, order.order_id == order_difference.c.order_id)


def _difference(row: Row[Any]) -> OrderDifference:
    return OrderDifference(
        order_id=row.order_id,
        user_id=row.user_id,
        user_coupon_id=row.user_coupon_id,
        currency=row.currency,
        discount_amount=row.discount_amount,
        reason=DifferenceReason(row.reason),
        found_at=row.found_at,
        settlement=None
        if row.settled_at is None
        else Settlement(row.settled_at, row.settled_by, row.settled_reason),
    )
