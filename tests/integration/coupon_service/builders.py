"""Bodies and events with every part filled in, for tests that care about one of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from coupon_service.domain.coupon_request import CouponRequest
from coupon_service.messaging.incoming_coupon_publish_requested import CouponPublishRequested
from coupon_service.messaging.outgoing_coupon_publish_requested import coupon_publish_requested
from servicekit.identifiers import uuid7


def a_coupon_body(**changes: Any) -> dict[str, Any]:
    """A coupon that can be requested now."""
    now = datetime.now(UTC)
    return {
        "name": "선착순",
        "totalQuantity": 500,
        "startsAt": (now - timedelta(hours=1)).isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "discount": {"type": "AMOUNT", "value": 5000},
        **changes,
    }


def an_event(user_id: int, coupon_id: int, **changes: Any) -> CouponPublishRequested:
    """An event whose request is not stored."""
    request = CouponRequest(uuid7(), coupon_id, user_id, datetime.now(UTC))
    return CouponPublishRequested.model_validate({**coupon_publish_requested(request).payload, **changes})
