"""Which topics the worker reads, and by what: the only place that says so.

The first is the one that the seed's group reads, alone and in order; those of orders are read beside it in
threads of their own, and need no process of their own: what they do is short, and rare beside a decision.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Engine

from coupon_service.application.decide_requests import DecideRequests
from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.application.restore_coupons import RestoreCoupons
from coupon_service.application.use_coupons import UseCoupons
from coupon_service.messaging import (
    incoming_coupon_publish_requested as coupon_publish_requested,
)
from coupon_service.messaging import incoming_order_cancelled as order_cancelled
from coupon_service.messaging import incoming_order_completed as order_completed
from coupon_service.messaging.order_parts import MOST_POLL_RECORDS
from coupon_service.messaging.outgoing_coupon_publish_requested import COUPON_PUBLISH_REQUESTED
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.messaging.handler import MessageHandler


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic, its consumer group, and what handles its records.

    ``commands`` is the name of the operator's commands on its dead letters.
    """

    topic: str
    consumer_group: str
    commands: str
    create_handler: Callable[[UnitOfWorkFactory], MessageHandler[Any]]
    most_poll_records: int | None = None

    def handler(self, engine: Engine) -> MessageHandler[Any]:
        return self.create_handler(partial(CouponUnitOfWork, engine, self.consumer_group))


SUBSCRIPTIONS: Sequence[Subscription] = (
    Subscription(
        COUPON_PUBLISH_REQUESTED.topic,
        coupon_publish_requested.CONSUMER_GROUP,
        "dead-letters",
        lambda unit_of_work: coupon_publish_requested.CouponPublishRequestedHandler(
            DecideRequests(unit_of_work)
        ),
    ),
    Subscription(
        order_completed.ORDER_COMPLETED.topic,
        order_completed.CONSUMER_GROUP,
        "order-completed-dead-letters",
        lambda unit_of_work: order_completed.OrderCompletedHandler(UseCoupons(unit_of_work)),
        MOST_POLL_RECORDS,
    ),
    Subscription(
        order_cancelled.ORDER_CANCELLED.topic,
        order_cancelled.CONSUMER_GROUP,
        "order-cancelled-dead-letters",
        lambda unit_of_work: order_cancelled.OrderCancelledHandler(RestoreCoupons(unit_of_work)),
        MOST_POLL_RECORDS,
    ),
)
