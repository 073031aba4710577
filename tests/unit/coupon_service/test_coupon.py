"""What a coupon may be, and how it stands."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from coupon_service.domain.coupon import CouponStatus
from coupon_service.domain.discount import Discount, DiscountType
from coupon_service.domain.errors import InvalidCoupon
from tests.support.coupon_builders import DURING, ENDS_AT, STARTS_AT, a_coupon


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"total_quantity": 0}, "totalQuantity"),
        ({"total_quantity": 10_000_001}, "totalQuantity"),
    ],
)
def test_an_impossible_coupon_is_refused_by_field(terms: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidCoupon, match=f"^{field} must ") as refusal:
        a_coupon(**terms)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (DiscountType.AMOUNT, 0),
        (DiscountType.AMOUNT, 2**63),
        (DiscountType.RATE, 0),
        (DiscountType.RATE, 101),
    ],
)
def test_an_impossible_discount_is_refused(kind: DiscountType, value: int) -> None:
    with pytest.raises(InvalidCoupon) as refusal:
        Discount(kind, value)
    assert refusal.value.field == "discount.value"


@pytest.mark.parametrize(
    ("issued_quantity", "moment", "status"),
    [
        (0, STARTS_AT - timedelta(seconds=1), CouponStatus.SCHEDULED),
        (0, STARTS_AT, CouponStatus.ACTIVE),
        (1, DURING, CouponStatus.ACTIVE),
        (2, DURING, CouponStatus.SOLD_OUT),
        (1, ENDS_AT, CouponStatus.ENDED),
        (2, ENDS_AT, CouponStatus.ENDED),
    ],
)
def test_the_status_follows_time_first_and_stock_second(
    issued_quantity: int, moment: datetime, status: CouponStatus
) -> None:
    assert a_coupon(total_quantity=2, issued_quantity=issued_quantity).status_at(moment) is status
