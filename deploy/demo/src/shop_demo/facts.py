"""What clients saw, and what stands in databases, topics and external services. Values, no opinions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shop_demo.orders import Order


@dataclass(frozen=True, slots=True)
class AnsweredPress:
    """A user's press of the button and the 202 that answered it, by the client's clock."""

    user_id: int
    request_id: str
    sent_at_ns: int
    answered_at_ns: int
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class CouponRequest:
    """A request for a coupon, as the API shows it or as the database holds it."""

    request_id: str
    user_id: int
    status: str
    reason: str | None = None
    decision_number: int | None = None
    issue_number: int | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UserCoupon:
    user_id: int
    request_id: str
    issue_number: int


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """A record of a topic. The same event may be there twice: the relay promises at least once."""

    event_id: str
    key: str
    subject_id: str
    """The request or order that the event is about."""
    partition: int
    offset: int
    currency: str = ""
    total_amount: int = 0
    """Of an order's event."""


@dataclass(frozen=True, slots=True)
class CouponFacts:
    coupon_id: int
    stock: int
    presses_sent: int
    presses: tuple[AnsweredPress, ...]
    reported: Mapping[str, CouponRequest]
    """What the API says of each request in the end, by request id."""
    issued_quantity_reported: int
    stored: tuple[CouponRequest, ...]
    user_coupons: tuple[UserCoupon, ...]
    published: tuple[PublishedEvent, ...]
    presses_refused: int = 0
    """Answered that the coupon is sold out."""


@dataclass(frozen=True, slots=True)
class PaidOrder:
    """An order that was placed and paid, as its client saw it."""

    order: Order
    order_id: str
    payment_id: str
    total_amount: int
    declines: int = 0
    """Cards that were declined before one paid."""
    unanswered: int = 0
    """Payments whose outcome never reached the client: it left."""
    came_back: bool = False
    """The client repeated a payment that the gateway had not taken: nobody else may."""


@dataclass(frozen=True, slots=True)
class StoredOrder:
    order_id: str
    currency: str
    total_amount: int


@dataclass(frozen=True, slots=True)
class StoredPayment:
    payment_id: str
    order_id: str
    status: str
    currency: str
    amount: int
    approved_at: datetime | None


@dataclass(frozen=True, slots=True)
class LedgerSum:
    """What the ledger says that gateways hold of an order."""

    order_id: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class GatewayPayment:
    """A payment as the gateway has it. What was taken and not given back is the shop's."""

    order_id: str
    currency: str
    charged: int
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    name: str
    payments: tuple[GatewayPayment, ...]
    faults: Mapping[str, int]
    """By name, how often each was met."""


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    event_id: str
    order_id: str


@dataclass(frozen=True, slots=True)
class Delivery:
    event_id: str
    order_id: str
    effect: str
    status: str
    completed_at: datetime | None
    last_error: str | None = None
    provider: str | None = None
    result_code: str | None = None
    """Of the provider's final result; None if it has reported none, or has no code for success."""
    result_questions: int = 0
    """How often the provider was asked for the final result before there was one."""


@dataclass(frozen=True, slots=True)
class AlimtalkMessage:
    """A message as its provider has it, which may have sent it more than once."""

    provider: str
    event_id: str
    sends: int = 1
    is_delivered: bool = True


@dataclass(frozen=True, slots=True)
class AnalyticsRow:
    order_id: str
    event_id: str
    currency: str
    total_amount: int


@dataclass(frozen=True, slots=True)
class OrderFacts:
    source: str
    orders_sent: int
    paid: tuple[PaidOrder, ...]
    completed_orders: tuple[StoredOrder, ...]
    """Ours that the order database holds as COMPLETED."""
    payments: tuple[StoredPayment, ...]
    ledger: tuple[LedgerSum, ...]
    outbox: tuple[OutboxEvent, ...]
    published: tuple[PublishedEvent, ...]
    deliveries: tuple[Delivery, ...]
    analytics: tuple[AnalyticsRow, ...]
    alimtalk_messages: tuple[AlimtalkMessage, ...]
    replies_lost: tuple[str, ...]
    """The events whose message a provider sent without a reply."""
    found_by_look_up: frozenset[str]
    """The events whose message a consumer has found at its provider."""
    first_provider_failed: bool
    """For a while it took nothing, so that the second one had to."""
    webhooks_dropped: Mapping[str, int]
    """By provider, how many webhooks it was made to lose, at most."""
    monitoring_notices: Mapping[str, int]
    """By event id, how many times the receiver acted on the webhook."""
    reported_delivered: Mapping[str, frozenset[str]]
    """For a sample of orders, the effects that the notification API calls delivered."""
    sales_reported: Mapping[str, int]
    """Everything that the analytics API has counted so far, by currency."""
    sales_stored_before: Mapping[str, int]
    """The same, summed over the rows that it counted, right before it was asked."""
    sales_stored: Mapping[str, int]
    """The same right after it: others' orders may have been counted meanwhile."""
    unsettled: tuple[str, ...] = ()
    """The orders whose payment was not settled in time. They are left out of all other facts."""
    gateway: GatewayFacts | None = None
    """None of order-service's own, which keeps nothing."""
