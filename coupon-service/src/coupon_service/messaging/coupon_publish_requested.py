"""The event ``CouponPublishRequested`` as this consumer reads it."""

from uuid import UUID

from coupon_service.domain.request import CouponRequest
from servicekit.fields import PositiveInt64
from servicekit.messaging.events import EventModel, parse_event
from servicekit.messaging.records import InvalidMessage, ReceivedRecord


class CouponPublishRequested(EventModel):
    """A user's request for a coupon was accepted at ``occurred_at``."""

    expected_type = "CouponPublishRequested"
    expected_version = 1

    request_id: UUID
    user_id: PositiveInt64
    coupon_id: PositiveInt64

    def to_request(self) -> CouponRequest:
        return CouponRequest(self.request_id, self.coupon_id, self.user_id, self.occurred_at)


def parse_coupon_publish_requested(record: ReceivedRecord) -> CouponPublishRequested:
    """Raises InvalidMessage.

    The key must be the coupon's number: under any other, a coupon's requests could come from several
    partitions and would have no order.
    """
    event = parse_event(record, CouponPublishRequested)
    if record.key != str(event.coupon_id).encode():
        raise InvalidMessage(f"the key is not the couponId {event.coupon_id}")
    return event
