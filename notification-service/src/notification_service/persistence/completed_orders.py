"""Completed orders, kept for as long as their deliveries."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert

from notification_service.domain.completed_order import CompletedOrder, Recipient
from notification_service.persistence.tables import completed_order


class SqlCompletedOrders:
    """The completed orders on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_all(self, orders: Sequence[CompletedOrder]) -> None:
        self._connection.execute(
            insert(completed_order),
            [
                {
                    "event_id": order.event_id,
                    "order_id": order.order_id,
                    "user_id": order.user_id,
                    "currency": order.currency,
                    "total_amount": order.total_amount,
                    "item_count": order.item_count,
                    "recipient_name": order.recipient.name,
                    "recipient_phone": order.recipient.phone,
                    "completed_at": order.completed_at,
                }
                for order in orders
            ],
        )


def completed_order_of(row: Row[Any]) -> CompletedOrder:
    """The order in a row that has all of completed_order's columns."""
    return CompletedOrder(
        event_id=row.event_id,
        order_id=row.order_id,
        user_id=row.user_id,
        currency=row.currency,
        total_amount=row.total_amount,
        item_count=row.item_count,
        recipient=Recipient(name=row.recipient_name, phone=row.recipient_phone),
        completed_at=row.completed_at,
    )
