"""Campaigns and requests for tests, valid unless told otherwise."""

from datetime import UTC, datetime, timedelta
from typing import Any

from coupon_service.domain.coupon import NewCoupon
from coupon_service.domain.deciding import CampaignState
from coupon_service.domain.discount import Discount, DiscountType
from coupon_service.domain.request import CouponRequest
from servicekit.identifiers import uuid7

STARTS_AT = datetime(2030, 1, 1, tzinfo=UTC)
ENDS_AT = STARTS_AT + timedelta(days=1)
DURING = STARTS_AT + timedelta(hours=1)


def a_new_coupon(**changes: Any) -> NewCoupon:
    values: dict[str, Any] = {
        "name": "New year",
        "total_quantity": 500,
        "starts_at": STARTS_AT,
        "ends_at": ENDS_AT,
        "discount": Discount(DiscountType.AMOUNT, 5000),
    }
    return NewCoupon(**values | changes)


def a_campaign(**changes: Any) -> CampaignState:
    values: dict[str, Any] = {
        "coupon_id": 1,
        "total_quantity": 2,
        "issued_quantity": 0,
        "decided_count": 0,
        "starts_at": STARTS_AT,
        "ends_at": ENDS_AT,
    }
    return CampaignState(**values | changes)


def a_request(user_id: int = 7, coupon_id: int = 1, requested_at: datetime = DURING) -> CouponRequest:
    return CouponRequest(uuid7(), coupon_id, user_id, requested_at)
