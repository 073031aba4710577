"""Events about orders, kept for as long as their deliveries; most are OrderCompleted."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from notification_service.domain.completed_order import ORDER_COMPLETED, CompletedOrder, Recipient
from notification_service.persistence.tables import completed_order
from servicekit.db.row_sets import insert_new_rows

ORDER_COLUMNS = (
    "event_id", "order_id", "user_id", "currency", "total_amount", "item_count", "recipient_name",
    "recipient_phone", "completed_at", "event", "message_values",
)  # fmt: skip
"""What :func:`completed_order_of` reads."""


class SqlCompletedOrders:
    """The completed orders on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_all(self, orders: Sequence[CompletedOrder]) -> set[UUID]:
        added = insert_new_rows(
            self._connection,
            completed_order,
            [
                {
                    "event_id": order.event_id,
                    "order_id": order.order_id,
                    "user_id": order.user_id,
                    "currency": order.currency,
                    "total_amount": order.total_amount,
                    "item_count": order.item_count,
                    "recipient_name": order.recipient.name or None,
                    "recipient_phone": order.recipient.phone or None,
                    "completed_at": order.completed_at,
                    "items": [
                        {
                            "product_id": item.product_id,
                            "quantity": item.quantity,
                            "unit_price": item.unit_price,
                        }
                        for item in order.items
                    ],
                    "approved_at": order.approved_at,
                    "event": order.event,
                    "message_values": dict(order.message_values) or None,
                }
                # In this order, so that processes that add the same orders never deadlock.
                for order in sorted(orders, key=lambda order: order.event_id)
            ],
            "event_id",
        )
        return {order.event_id for order in orders} & added


def completed_order_of(row: Row[Any]) -> CompletedOrder:
    """The order in a row that has ORDER_COLUMNS, without what only analytics needs."""
    return CompletedOrder(
        event_id=row.event_id,
        order_id=row.order_id,
        user_id=row.user_id,
        currency=row.currency,
        total_amount=row.total_amount,
        item_count=row.item_count,
        # Erased here once every effect has ended, when an operator may just have wanted another attempt; or
        # by the producer, before its event.
        recipient=Recipient(name=row.recipient_name or "", phone=row.recipient_phone or ""),
        completed_at=row.completed_at,
        # Null if a former release accepted it, which knew no other event.
        event=row.event or ORDER_COMPLETED,
        message_values=row.message_values or {},
    )
