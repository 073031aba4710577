"""What a campaign may be, and how it stands."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from coupon_service.domain.coupon import Coupon, CouponStatus
from coupon_service.domain.discount import Discount, DiscountType
from coupon_service.domain.errors import InvalidCampaign
from tests.unit.coupon_service.builders import DURING, ENDS_AT, STARTS_AT, a_new_coupon


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"total_quantity": 0}, "totalQuantity"),
        ({"total_quantity": 10_000_001}, "totalQuantity"),
        ({"ends_at": STARTS_AT}, "endsAt"),
        ({"ends_at": STARTS_AT - timedelta(days=1)}, "endsAt"),
        ({"starts_at": datetime(2030, 1, 1)}, "startsAt"),  # noqa: DTZ001 - the point of the case
        ({"ends_at": datetime(2030, 1, 2)}, "endsAt"),  # noqa: DTZ001 - the point of the case
    ],
)
def test_an_impossible_campaign_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidCampaign) as refusal:
        a_new_coupon(**changes)

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
    with pytest.raises(InvalidCampaign) as refusal:
        Discount(kind, value)

    assert refusal.value.field == "discount.value"


def a_coupon(issued_quantity: int) -> Coupon:
    new = a_new_coupon(total_quantity=2)
    return Coupon(
        coupon_id=1,
        name=new.name,
        total_quantity=new.total_quantity,
        issued_quantity=issued_quantity,
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        discount=new.discount,
        created_at=STARTS_AT - timedelta(days=1),
    )


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
    assert a_coupon(issued_quantity).status_at(moment) is status
