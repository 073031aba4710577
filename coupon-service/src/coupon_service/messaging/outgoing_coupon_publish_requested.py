"""``CouponPublishRequested``, version 1: ``shared/contracts/coupon-publish-request/v1.schema.json``."""

from coupon_service.domain.coupon_request import CouponRequest
from servicekit.event_type import EventType
from servicekit.outbox.envelope import envelope
from servicekit.outbox.event import OutboxEvent

COUPON_PUBLISH_REQUESTED = EventType(topic="coupon-publish-request", name="CouponPublishRequested", version=1)


def coupon_publish_requested(request: CouponRequest, traceparent: str | None = None) -> OutboxEvent:
    """The event that ``request`` was accepted. Keyed by coupon, so that its requests keep their order.

    It continues the trace of ``traceparent``, or of the current span.
    """
    return envelope(
        COUPON_PUBLISH_REQUESTED,
        aggregate_type="coupon",
        key=str(request.coupon_id),
        occurred_at=request.requested_at,
        fields={
            "requestId": str(request.request_id),
            "userId": request.user_id,
            "couponId": request.coupon_id,
        },
        traceparent=traceparent,
    )
