"""Orders and their items."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, insert, select, update

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
            # The database refuses it of a release that takes no stock.
            .values(
                status=order.status.value,
                completed_at=order.completed_at,
                stock_taken_at=order.completed_at,
            )
        )

    def _one(self, query: Select[Any]) -> Order | None:
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        # Items never change, so this second query can't contradict the first one.
        lines = self._connection.execute(
            select(order_item).where(order_item.c.order_id == row.order_id).order_by(order_item.c.line_number)
        ).all()
        return _order(row, lines)


def _order(row: Row[*tuple[Any, ...]], lines: Sequence[Row[*tuple[Any, ...]]]) -> Order:
    return Order(
        order_id=row.order_id,
        user_id=row.user_id,
        currency=row.currency,
        items=tuple(
            OrderItem(line.product_id, line.quantity, line.unit_price, line.product_name) for line in lines
        ),
        recipient=Recipient(row.recipient_name, row.recipient_phone),
        total_amount=row.total_amount,
        status=OrderStatus(row.status),
        created_at=row.created_at,
        completed_at=row.completed_at,
    )
