"""Events about orders, kept for as long as their deliveries; most are OrderCompleted."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from notification_service.domain.order_event import ORDER_COMPLETED, OrderEvent, Recipient
from notification_service.persistence.tables import completed_order
from servicekit.db.row_sets import insert_new_rows

ORDER_COLUMNS = (
    "event_id", "order_id", "user_id", "currency", "total_amount", "item_count", "recipient_name",
    "recipient_phone", "completed_at", "event", "message_values",
)  # fmt: skip
"""What :func:`order_event_of` reads."""


class SqlOrderEvents:
    """The events about orders on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_all(self, events: Sequence[OrderEvent]) -> set[UUID]:
        added = insert_new_rows(
            self._connection,
            completed_order,
            [
                {
                    "event_id": event.event_id,
                    "order_id": event.order_id,
                    "user_id": event.user_id,
                    "currency": event.currency,
                    "total_amount": event.total_amount,
                    "item_count": event.item_count,
                    "recipient_name": event.recipient.name or None,
                    "recipient_phone": event.recipient.phone or None,
                    "completed_at": event.completed_at,
                    "items": [
                        {
                            "product_id": item.product_id,
                            "quantity": item.quantity,
                            "unit_price": item.unit_price,
                        }
                        for item in event.items
                    ],
                    "approved_at": event.approved_at,
                    "event": event.event,
                    "message_values": dict(event.message_values) or None,
                }
                # In this order, so that processes that add the same events never deadlock.
                for event in sorted(events, key=lambda event: event.event_id)
            ],
            "event_id",
        )
        return {event.event_id for event in events} & added


def order_event_of(row: Row[Any]) -> OrderEvent:
    """The event in a row that has ORDER_COLUMNS, without what only analytics needs."""
    return OrderEvent(
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
