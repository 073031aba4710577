"""The orders that wait for their payment."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, select, update

from order_service.domain.order import OrderStatus
from order_service.persistence.tables import orders, payment
from order_service.persistence.unsettled_payments import IS_UNSETTLED

_MAY_EXPIRE = and_(
    orders.c.status == OrderStatus.PENDING_PAYMENT.value,
    orders.c.expired_at.is_(None),
    ~exists().where(payment.c.order_id == orders.c.order_id, IS_UNSETTLED),
)


class SqlUnpaidOrders:
    """The unpaid orders on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def expire(self, placed_before: datetime, limit: int, besides: Collection[UUID] = ()) -> Sequence[UUID]:
        return self._expire(_placed(placed_before, limit, besides))

    def expire_one(self, order_id: UUID) -> Sequence[UUID]:
        return self._expire(_may_expire(orders.c.order_id == order_id))

    def due(self, placed_before: datetime, limit: int, besides: Collection[UUID]) -> Sequence[UUID]:
        return self._connection.execute(_placed(placed_before, limit, besides)).scalars().all()

    def _expire(self, chosen: Select[UUID]) -> Sequence[UUID]:
        # Skipping, not waiting: the locked ones are being paid, or expired by another process.
        locked = chosen.with_for_update(key_share=True, skip_locked=True)
        held = self._connection.execute(locked).scalars().all()
        if not held:
            return []
        # Looked at again: a payment may have been stored between the look and the lock, and none can be now.
        expired = self._connection.execute(
            update(orders)
            .where(orders.c.order_id.in_(held), _MAY_EXPIRE)
            .values(expired_at=func.clock_timestamp())
            .returning(orders.c.order_id)
        )
        return expired.scalars().all()


def _placed(before: datetime, limit: int, besides: Collection[UUID]) -> Select[UUID]:
    others = [orders.c.order_id.not_in(besides)] if besides else []
    oldest_first = _may_expire(orders.c.created_at < before, *others).order_by(orders.c.created_at)
    return oldest_first.limit(limit)


def _may_expire(*conditions: ColumnElement[bool]) -> Select[UUID]:
    return select(orders.c.order_id).where(_MAY_EXPIRE, *conditions)
