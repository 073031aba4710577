"""Cancellations of paid orders."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from order_service.domain.cancellation import Cancellation, CancelledOrder
from order_service.domain.refund import Refund
from servicekit.outbox.event import OutboxEvent


class Cancellations(Protocol):
    def add(self, cancellation: Cancellation) -> None:
        """After its refund. Raises CancellationInProgress where another one of the order is under way."""
        ...

    def get(self, cancellation_id: UUID) -> Cancellation | None: ...

    def of_order(self, order_id: UUID) -> Sequence[Cancellation]:
        """The oldest first."""
        ...

    def of_orders(self, order_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Cancellation]]:
        """What :meth:`of_order` says of each order, without those that have none."""
        ...

    def of_refund(self, refund: Refund) -> Cancellation | None:
        """The one that waits, or waited, for the refund; None for one of what was taken wrongly."""
        ...

    def end(self, cancellation: Cancellation) -> None:
        """Store that it is CANCELLED."""
        ...


CancellationEvent = Callable[[CancelledOrder, Cancellation], OutboxEvent]
"""Makes the event that a cancellation has ended; the order has it and the earlier ones."""
