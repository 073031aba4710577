"""What the use cases need of orders that carry a coupon."""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Protocol
from uuid import UUID

from coupon_service.domain.coupon_order import (
    CancelledOrder,
    DifferenceReason,
    DiscountedOrder,
    OrderDifference,
    PaidOrder,
    Settlement,
)


class CouponOrders(Protocol):
    """What is known of orders with a coupon. Both methods lock the orders, in the order of their ids."""

    def complete(self, orders: Sequence[PaidOrder]) -> Mapping[UUID, bool]:
        """Remember that they were paid; by order, whether it has been cancelled as a whole.

        An order that names another user or coupon than it did before is left out, and nothing is stored.
        """
        ...

    def cancel(self, orders: Sequence[CancelledOrder]) -> AbstractSet[UUID]:
        """Remember that they were cancelled as a whole; those that were not left out, as above."""
        ...


class OrderDifferences(Protocol):
    """Paid orders whose discounts their coupons do not account for."""

    def add(self, order_id: UUID, reason: DifferenceReason, found_at: datetime) -> bool:
        """Report it; false if it has been."""
        ...

    def settle(self, order_ids: Collection[UUID], settlement: Settlement) -> AbstractSet[UUID]:
        """Those of the orders whose difference was open, and is settled now."""
        ...

    def lock_freed(self, limit: int) -> Sequence[DiscountedOrder]:
        """Orders whose differences are open since another order held their coupon, where none holds it now.

        The ``limit`` that were found first, without those that others have locked.
        """
        ...

    def change_reason(self, order_id: UUID, reason: DifferenceReason) -> None: ...

    def get(self, order_id: UUID) -> OrderDifference | None: ...

    def oldest(self, limit: int, *, every: bool) -> Sequence[OrderDifference]:
        """The ``limit`` that were found first, of those that are open or of ``every`` one."""
        ...

    def count_open(self) -> int: ...
