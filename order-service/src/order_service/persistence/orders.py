"""Orders and their items."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, insert, literal, select, tuple_, update

from order_service.domain.coupon import OrderCoupon
from order_service.domain.errors import UnknownPage
from order_service.domain.order import Order, OrderItem, OrderStatus, Recipient
from order_service.persistence.tables import order_item, orders


class SqlOrders:
    """The orders on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, order: Order) -> None:
        self._connection.execute(
            insert(orders).values(
                order_id=order.order_id,
                user_id=order.user_id,
                currency=order.currency,
                total_amount=order.total_amount,
                recipient_name=order.recipient.name,
                recipient_phone=order.recipient.phone,
                status=order.status.value,
                created_at=order.created_at,
                completed_at=order.completed_at,
                user_coupon_id=order.coupon and order.coupon.user_coupon_id,
                discount_amount=order.coupon and order.coupon.discount_amount,
            )
        )
        self._connection.execute(
            insert(order_item),
            [
                {
                    "order_id": order.order_id,
                    "line_number": line_number,
                    "product_id": item.product_id,
                    "quantity": item.quantity,
                    "unit_price": item.unit_price,
                    "product_name": item.name,
                }
                for line_number, item in enumerate(order.items, start=1)
            ],
        )

    def get(self, order_id: UUID) -> Order | None:
        return self._one(select(orders).where(orders.c.order_id == order_id))

    def lock(self, order_id: UUID) -> Order | None:
        # FOR NO KEY UPDATE is enough, since the key never changes; it doesn't block foreign keys' checks.
        return self._one(select(orders).where(orders.c.order_id == order_id).with_for_update(key_share=True))

    def complete(self, order: Order) -> None:
        self._connection.execute(
            update(orders)
            .where(orders.c.order_id == order.order_id)
            # The database refuses it of a release that takes no stock, or uses no coupon.
            .values(
                status=order.status.value,
                completed_at=order.completed_at,
                stock_taken_at=order.completed_at,
                coupon_used_at=None if order.coupon is None else order.completed_at,
            )
        )

    def cancel(self, order: Order) -> None:
        self._connection.execute(
            update(orders)
            .where(orders.c.order_id == order.order_id)
            # Its status stays COMPLETED for former releases, which know no other one.
            .values(cancelled_at=order.cancelled_at)
        )

    def of_user(self, user_id: int, limit: int, before: UUID | None) -> list[Order]:
        """Raises :class:`UnknownPage`."""
        # By the database's clock and not by id, whose time is the host's that made it.
        place = tuple_(orders.c.created_at, orders.c.order_id)
        query = select(orders).where(orders.c.user_id == user_id)
        if before is not None:
            at = self._connection.execute(
                select(orders.c.created_at).where(orders.c.order_id == before, orders.c.user_id == user_id)
            ).scalar_one_or_none()
            if at is None:
                raise UnknownPage
            query = query.where(place < tuple_(literal(at), literal(before)))
        newest_first = (orders.c.created_at.desc(), orders.c.order_id.desc())
        return self._all(query.order_by(*newest_first).limit(limit))

    def _one(self, query: Select[Any]) -> Order | None:
        found = self._all(query)
        return found[0] if found else None

    def _all(self, query: Select[Any]) -> list[Order]:
        rows = self._connection.execute(query).all()
        lines: defaultdict[UUID, list[Row[Any]]] = defaultdict(list)
        if rows:
            # Items never change, so this second query can't contradict the first one.
            items = (
                select(order_item)
                .where(order_item.c.order_id.in_([row.order_id for row in rows]))
                .order_by(order_item.c.order_id, order_item.c.line_number)
            )
            for line in self._connection.execute(items):
                lines[line.order_id].append(line)
        return [_order(row, lines[row.order_id]) for row in rows]


def _order(row: Row[Any], lines: Sequence[Row[Any]]) -> Order:
    return Order(
        order_id=row.order_id,
        user_id=row.user_id,
        currency=row.currency,
        items=tuple(
            OrderItem(line.product_id, line.quantity, line.unit_price, line.product_name) for line in lines
        ),
        recipient=Recipient(row.recipient_name, row.recipient_phone),
        total_amount=row.total_amount,
        status=_status(row),
        created_at=row.created_at,
        completed_at=row.completed_at,
        expired_at=row.expired_at,
        cancelled_at=row.cancelled_at,
        coupon=_coupon(row),
    )


def _status(row: Row[Any]) -> OrderStatus:
    # Former releases know no others than the stored ones: waiting for its payment, and completed.
    if row.expired_at is not None:
        return OrderStatus.EXPIRED
    return OrderStatus(row.status) if row.cancelled_at is None else OrderStatus.CANCELLED


def _coupon(row: Row[Any]) -> OrderCoupon | None:
    return None if row.user_coupon_id is None else OrderCoupon(row.user_coupon_id, row.discount_amount)
