"""``OrderCompleted``, version 1, as far as the order's coupon needs it.

The contract is ``shared/contracts/order-completed``. Fields that aren't named here may change.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

import structlog
from prometheus_client import Counter as Metric
from pydantic import BaseModel, Field

from coupon_service.application.use_coupons import UseCoupons
from coupon_service.domain.coupon_order import PaidOrder
from coupon_service.messaging.order_parts import Amount, Currency, may_have_coupon
from servicekit.event_type import EventType
from servicekit.fields import PositiveInt64
from servicekit.messaging.events import EventModel, parse_event
from servicekit.messaging.records import ReceivedRecord

ORDER_COMPLETED = EventType(topic="order-completed", name="OrderCompleted", version=1)
# The inbox is keyed by it: under another name, every event would be new again.
CONSUMER_GROUP = "coupon-order-completed-group"

_USED = Metric("coupon_used_by_events", "User coupons that events of paid orders made used.")
_DIFFERENCES = Metric(
    "coupon_order_differences_found", "Paid orders that differ from their coupons.", ["reason"]
)
_log = structlog.get_logger(__name__)


class CouponPart(BaseModel):
    """The coupon of the order."""

    user_coupon_id: Annotated[PositiveInt64, Field(alias="userCouponId")]
    discount_amount: Annotated[Amount, Field(alias="discountAmount")]


class OrderCompleted(EventModel):
    """The event's value."""

    event_type = ORDER_COMPLETED

    order_id: UUID
    user_id: PositiveInt64
    currency: Currency
    total_amount: Amount
    coupon: CouponPart | None = None

    def to_domain(self) -> PaidOrder | None:
        """None for an order without a coupon."""
        if self.coupon is None:
            return None
        return PaidOrder(
            event_id=self.event_id,
            order_id=self.order_id,
            user_id=self.user_id,
            user_coupon_id=self.coupon.user_coupon_id,
            currency=self.currency,
            paid_amount=self.total_amount,
            discount_amount=self.coupon.discount_amount,
            completed_at=self.occurred_at,
        )


class OrderCompletedHandler:
    """Passes one poll's orders with coupons to the use case, and reports what differs."""

    def __init__(self, use_coupons: UseCoupons) -> None:
        self._use_coupons = use_coupons

    def parse(self, record: ReceivedRecord) -> PaidOrder | None:
        return parse_event(record, OrderCompleted).to_domain() if may_have_coupon(record) else None

    def handle(self, events: Sequence[PaidOrder | None]) -> Mapping[int, str]:
        places = [place for place, order in enumerate(events) if order is not None]
        # Also none: the use case stores up to where the topic is read.
        outcome = self._use_coupons([order for order in events if order is not None])
        # Counted after the commit, since a batch that was rolled back comes again.
        _USED.inc(outcome.used)
        for reason, number in Counter(reason for _, reason in outcome.differences).items():
            _DIFFERENCES.labels(reason.value).inc(number)
        for order, reason in outcome.differences:
            _log.error(
                "order_differs_from_coupon",
                order_id=str(order.order_id), user_coupon_id=order.user_coupon_id, reason=reason.value,
                discount_amount=order.discount_amount, currency=order.currency,
            )  # fmt: skip
        if places:
            _log.info("paid_orders_applied", events=len(places), used=outcome.used)
        return {places[place]: reason for place, reason in outcome.refused.items()}
