"""What operators do to a coupon, and the record of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from coupon_service.domain.coupon import Coupon


class CouponChangeKind(StrEnum):
    STOCK_ADDED = "STOCK_ADDED"
    PAUSED = "PAUSED"
    RESUMED = "RESUMED"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class CouponCommand:
    """What to do, who does it and why. ``quantity`` is how much stock to add, and nothing in other kinds."""

    kind: CouponChangeKind
    actor: str
    reason: str
    quantity: int | None = None

    def applied_to(self, coupon: Coupon, moment: datetime) -> Coupon:
        """The coupon afterwards; the same one where nothing is left to do.

        Raises CouponTransitionRefused, and InvalidCoupon for a quantity that is out of range.
        """
        match self.kind:
            case CouponChangeKind.STOCK_ADDED:
                return coupon.with_stock_added(self.quantity or 0, moment)
            case CouponChangeKind.PAUSED:
                return coupon.paused(moment)
            case CouponChangeKind.RESUMED:
                return coupon.resumed(moment)
            case CouponChangeKind.ENDED:
                return coupon.ended(moment)


@dataclass(frozen=True, slots=True)
class CouponChange:
    """A command that had an effect. ``change_id`` rises with each change of any coupon."""

    change_id: int
    command: CouponCommand
    changed_at: datetime
