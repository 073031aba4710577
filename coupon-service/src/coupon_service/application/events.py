"""The event that this service emits; its contract is ``shared/contracts/coupon-publish-request``."""

from uuid import UUID

from coupon_service.domain.request import CouponRequest
from servicekit.outbox.event import OutboxEvent
from servicekit.rfc3339 import format_rfc3339

TOPIC = "coupon-publish-request"
EVENT_TYPE = "CouponPublishRequested"
VERSION = 1


def coupon_publish_requested(request: CouponRequest, event_id: UUID) -> OutboxEvent:
    """``request`` was accepted. Keyed by coupon, so that a coupon's requests keep their order."""
    return OutboxEvent(
        event_id=event_id,
        topic=TOPIC,
        key=str(request.coupon_id),
        aggregate_type="coupon",
        event_type=EVENT_TYPE,
        payload={
            "eventId": str(event_id),
            "eventType": EVENT_TYPE,
            "version": VERSION,
            "occurredAt": format_rfc3339(request.requested_at),
            "requestId": str(request.request_id),
            "userId": request.user_id,
            "couponId": request.coupon_id,
        },
    )
