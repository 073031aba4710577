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
    """AMOUNT: ``value`` in the currency's minor units. RATE: ``value`` in percent."""

    type: DiscountType
    value: int

    def __post_init__(self) -> None:
        highest = MAX_RATE_PERCENT if self.type is DiscountType.RATE else MAX_AMOUNT
        if not 1 <= self.value <= highest:
            raise InvalidCoupon("discount.value", f"must be from 1 to {highest} for {self.type}")
