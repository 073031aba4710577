"""Coupons and requests with every part filled in, for tests that care about one of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from coupon_service.domain.coupon import Coupon, CouponTerms
from coupon_service.domain.coupon_request import CouponRequest
from coupon_service.domain.deciding import CouponStock
from coupon_service.domain.discount import Discount, DiscountType
from coupon_service.domain.period import Period
from servicekit.identifiers import uuid7

STARTS_AT = datetime(2030, 1, 1, tzinfo=UTC)
ENDS_AT = STARTS_AT + timedelta(days=1)
DURING = STARTS_AT + timedelta(hours=1)
PERIOD = Period(STARTS_AT, ENDS_AT)


def a_coupon(*, issued_quantity: int = 0, **terms: Any) -> Coupon:
    """``terms`` are fields of :class:`CouponTerms`."""
    values: dict[str, Any] = {
        "name": "New year",
        "total_quantity": 2,
        "period": PERIOD,
        "discount": Discount(DiscountType.AMOUNT, 5000),
    }
    return Coupon(1, CouponTerms(**values | terms), issued_quantity, STARTS_AT - timedelta(days=1))


def a_coupon_stock(
    *,
    coupon_id: int = 1,
    total_quantity: int = 2,
    issued_quantity: int = 0,
    decided_count: int = 0,
    **more: Any,
) -> CouponStock:
    """``more`` are further fields of :class:`CouponStock`."""
    return CouponStock(coupon_id, PERIOD, total_quantity, issued_quantity, decided_count, **more)


def a_coupon_request(user_id: int = 7, coupon_id: int = 1, requested_at: datetime = DURING) -> CouponRequest:
    return CouponRequest(uuid7(), coupon_id, user_id, requested_at)
