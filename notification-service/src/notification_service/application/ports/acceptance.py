"""What has been accepted: events, and requests by their keys."""

from collections.abc import Iterable, Sequence
from typing import Protocol
from uuid import UUID

from notification_service.domain.order_event import OrderEvent
from servicekit.idempotency.key import IdempotencyKey, Reply


class Inbox(Protocol):
    """The events accepted so far."""

    def accept(self, event_ids: Iterable[UUID]) -> set[UUID]:
        """Remember these events; returns those that are new. Waits for a concurrent acceptance."""
        ...


class OrderEvents(Protocol):
    """The stored events about orders."""

    def add_all(self, events: Sequence[OrderEvent]) -> set[UUID]:
        """Store events; returns the ids of those that were not stored before."""
        ...


class IdempotencyKeys(Protocol):
    """The idempotency keys used so far."""

    def claim(self, key: IdempotencyKey, reply: Reply) -> Reply | None:
        """None if the transaction is the first with ``key``; otherwise the reply of the first one.

        A concurrent first one is waited for. Raises IdempotencyKeyReused.
        """
        ...
