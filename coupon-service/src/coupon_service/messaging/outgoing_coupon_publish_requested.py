"""``CouponPublishRequested``, version 1: ``shared/contracts/coupon-publish-request/v1.schema.json``."""

from coupon_service.domain.coupon_request import CouponRequest
from servicekit.outbox.envelope import EventType, envelope
from servicekit.outbox.event import OutboxEvent

COUPON_PUBLISH_REQUESTED = EventType(
    topic="coupon-publish-request", name="CouponPublishRequested", version=1, aggregate_type="coupon"
)


def coupon_publish_requested(request: CouponRequest) -> OutboxEvent:
    """The event that ``request`` was accepted. Keyed by coupon, so that its requests keep their order."""
    return envelope(
        COUPON_PUBLISH_REQUESTED,
        key=str(request.coupon_id),
        occurred_at=request.requested_at,
        fields={
            "requestId": str(request.request_id),
            "userId": request.user_id,
            "couponId": request.coupon_id,
        },
    )
