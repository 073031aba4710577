"""What a coupon is worth."""

from dataclasses import dataclass
from enum import StrEnum

from coupon_service.domain.errors import InvalidCoupon

MAX_AMOUNT = 2**63 - 1
MAX_RATE_PERCENT = 100


class DiscountType(StrEnum):
    AMOUNT = "AMOUNT"
    RATE = "RATE"


@dataclass(frozen=True, slots=True)
class Discount:
    """AMOUNT: ``value`` in the currency's minor units. RATE: ``value`` in percent.

    ``maximum_amount`` caps what a RATE takes off, in minor units. Raises :class:`InvalidCoupon`.
    """

    type: DiscountType
    value: int
    maximum_amount: int | None = None

    def __post_init__(self) -> None:
        highest = MAX_RATE_PERCENT if self.type is DiscountType.RATE else MAX_AMOUNT
        if not 1 <= self.value <= highest:
            raise InvalidCoupon("discount.value", f"must be from 1 to {highest} for {self.type}")
        if self.maximum_amount is None:
            return
        if self.type is not DiscountType.RATE:
            raise InvalidCoupon("discount.maximumAmount", f"must not be set for {self.type}")
        if not 1 <= self.maximum_amount <= MAX_AMOUNT:
            raise InvalidCoupon("discount.maximumAmount", f"must be from 1 to {MAX_AMOUNT}")

    def off(self, order_amount: int) -> int:
        """How much an order of ``order_amount`` gets off, in minor units; never more than that."""
        if self.type is DiscountType.AMOUNT:
            return min(self.value, order_amount)
        # Rounded down: a discount never exceeds the rate that was promised.
        discount = order_amount * self.value // 100
        return discount if self.maximum_amount is None else min(discount, self.maximum_amount)
