"""The orders that wait for their payment."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, and_, exists, func, select, update

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

    def expire(self, placed_before: datetime, limit: int) -> Sequence[UUID]:
        held: Sequence[UUID] = (
            self._connection.execute(
                select(orders.c.order_id)
                .where(_MAY_EXPIRE, orders.c.created_at < placed_before)
                .order_by(orders.c.created_at)
                .limit(limit)
                # Skipping, not waiting: the locked ones are being paid, or expired by another process.
                .with_for_update(key_share=True, skip_locked=True)
            )
            .scalars()
            .all()
        )
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
