"""What the coupon service answers."""

from dataclasses import dataclass

from order_service.domain.errors import OrderError


@dataclass(frozen=True, slots=True)
class CouponReserved:
    """The order holds the coupon, which takes so much off."""

    discount_amount: int


@dataclass(frozen=True, slots=True)
class CouponRefused:
    """The order does not hold the coupon, and ``error`` says why."""

    error: OrderError


@dataclass(frozen=True, slots=True)
class CouponUnclear:
    """Nothing can be said: no answer, or none that makes sense."""


@dataclass(frozen=True, slots=True)
class CouponUnanswered(CouponUnclear):
    """No answer: the coupon service is away, and would tell nothing of another coupon either."""


@dataclass(frozen=True, slots=True)
class CouponNotSent:
    """Nothing was sent, so that the order surely doesn't hold the coupon."""


@dataclass(frozen=True, slots=True)
class CouponReleased:
    """The order doesn't hold the coupon any more."""


@dataclass(frozen=True, slots=True)
class CouponNotHeld:
    """The order has never held the coupon, as far as the coupon service knows by now."""


ReservationOutcome = CouponReserved | CouponRefused | CouponUnclear | CouponNotSent
ReleaseOutcome = CouponReleased | CouponNotHeld | CouponUnclear
