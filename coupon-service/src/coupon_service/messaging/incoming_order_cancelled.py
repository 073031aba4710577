"""``OrderCancelled``, version 1, as far as the order's coupon needs it.

The contract is ``shared/contracts/order-cancelled``. Fields that aren't named here may change.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

import structlog
from prometheus_client import Counter
from pydantic import BaseModel, Field

from coupon_service.application.restore_coupons import RestoreCoupons
from coupon_service.domain.coupon_order import CancelledOrder
from coupon_service.messaging.order_parts import Currency, may_have_coupon
from servicekit.event_type import EventType
from servicekit.fields import PositiveInt64
from servicekit.messaging.events import EventModel, parse_event
from servicekit.messaging.records import ReceivedRecord

ORDER_CANCELLED = EventType(topic="order-cancelled", name="OrderCancelled", version=1)
# Not that of paid orders: a rebalance of one topic's group would stop the other topic, too.
CONSUMER_GROUP = "coupon-order-cancelled-group"

_RESTORED = Counter("coupon_restored_by_events", "User coupons that events of cancelled orders gave back.")
_log = structlog.get_logger(__name__)


class CouponPart(BaseModel):
    """The coupon of the order."""

    user_coupon_id: Annotated[PositiveInt64, Field(alias="userCouponId")]


class OrderCancelled(EventModel):
    """The event's value."""

    event_type = ORDER_CANCELLED

    order_id: UUID
    user_id: PositiveInt64
    currency: Currency
    is_whole: Annotated[bool, Field(strict=True)]
    coupon: CouponPart | None = None

    def to_domain(self) -> CancelledOrder | None:
        """None for an order without a coupon, or where something of it is left."""
        if self.coupon is None or not self.is_whole:
            return None
        return CancelledOrder(
            event_id=self.event_id,
            order_id=self.order_id,
            user_id=self.user_id,
            user_coupon_id=self.coupon.user_coupon_id,
            currency=self.currency,
            cancelled_at=self.occurred_at,
        )


class OrderCancelledHandler:
    """Passes one poll's whole cancellations of orders with coupons to the use case."""

    def __init__(self, restore_coupons: RestoreCoupons) -> None:
        self._restore_coupons = restore_coupons

    def parse(self, record: ReceivedRecord) -> CancelledOrder | None:
        return parse_event(record, OrderCancelled).to_domain() if may_have_coupon(record) else None

    def handle(self, events: Sequence[CancelledOrder | None]) -> Mapping[int, str]:
        places = [place for place, order in enumerate(events) if order is not None]
        # Also none: the use case stores up to where the topic is read.
        outcome = self._restore_coupons([order for order in events if order is not None])
        # Counted after the commit, since a batch that was rolled back comes again.
        _RESTORED.inc(outcome.restored)
        if places:
            _log.info("cancelled_orders_applied", events=len(places), restored=outcome.restored)
        return {places[place]: reason for place, reason in outcome.refused.items()}
