"""What clients receive."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from notification_service.application.list_deliveries import DeliveryPage
from notification_service.domain.attempt_history import Attempt, AttemptOutcome, Purpose
from notification_service.domain.delivery import Delivery, DeliveryStatus, Effect, Intervention
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.figures import DailySales
from notification_service.domain.operator_action import DeliveriesChange, DeliveryChange, OperatorAction
from notification_service.domain.sales_period import SalesPeriod
from notification_service.http.bodies import EffectName
from servicekit.fields import JsonModel, Time

_NAMES: dict[Effect, EffectName] = {
    Effect.ALIMTALK: "alimtalk",
    Effect.ANALYTICS: "analytics",
    Effect.MONITORING: "monitoring",
}


class AttemptReply(JsonModel):
    """One attempt; ``endedAt`` and ``outcome`` are null while it goes on.

    SEND attempts may send; LOOK_UP attempts only ask the provider whether it has the message.
    """

    number: int
    provider: str
    purpose: Purpose
    began_at: Time
    ended_at: Time | None
    outcome: AttemptOutcome | None
    reason: FailureReason | None

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        return cls(
            number=attempt.number,
            provider=attempt.provider,
            purpose=attempt.purpose,
            began_at=attempt.began_at,
            ended_at=attempt.ended_at,
            outcome=attempt.outcome,
            reason=attempt.reason,
        )


class EffectReply(JsonModel):
    """One effect of the order's event. ``nextAttemptAt`` is null unless an attempt is planned.

    ``lastError`` says why the latest attempt failed, or why none was made of what is SKIPPED or waits.
    ``attemptHistory`` lists the calls that were made; analytics makes none.
    """

    effect: EffectName
    status: DeliveryStatus
    event_id: UUID
    attempts: int
    next_attempt_at: Time | None
    last_error: FailureReason | None
    created_at: Time
    accepted_at: Time | None
    completed_at: Time | None
    attempt_history: list[AttemptReply]

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        return cls(
            effect=_NAMES[delivery.effect],
            status=delivery.status,
            event_id=delivery.event_id,
            attempts=delivery.attempts,
            next_attempt_at=delivery.due_at,
            last_error=delivery.last_error,
            created_at=delivery.created_at,
            accepted_at=delivery.accepted_at,
            completed_at=delivery.completed_at,
            attempt_history=[AttemptReply.of(attempt) for attempt in delivery.history],
        )


class NotificationsReply(JsonModel):
    """The three effects of an order; none if its event hasn't arrived, or if there is no such order."""

    order_id: UUID
    effects: list[EffectReply]

    @classmethod
    def of(cls, order_id: UUID, deliveries: Sequence[Delivery]) -> Self:
        return cls(order_id=order_id, effects=[EffectReply.of(delivery) for delivery in deliveries])


class DeliveryReply(JsonModel):
    """A delivery as operators see it; ``resultCode`` is the provider's own code of the final result."""

    delivery_id: UUID
    effect: EffectName
    status: DeliveryStatus
    event_id: UUID
    order_id: UUID
    attempts: int
    next_attempt_at: Time | None
    last_error: FailureReason | None
    created_at: Time
    accepted_at: Time | None
    completed_at: Time | None
    result_code: str | None
    by_sms: bool | None

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        return cls(**_facts(delivery))


def _facts(delivery: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": delivery.delivery_id,
        "effect": _NAMES[delivery.effect],
        "status": delivery.status,
        "event_id": delivery.event_id,
        "order_id": delivery.order_id,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.due_at,
        "last_error": delivery.last_error,
        "created_at": delivery.created_at,
        "accepted_at": delivery.accepted_at,
        "completed_at": delivery.completed_at,
        "result_code": delivery.result_code,
        "by_sms": delivery.by_sms,
    }


class DeliveriesReply(JsonModel):
    """One page, the oldest first; ``nextAfter`` asks for the next one and is null on the last."""

    next_after: UUID | None
    deliveries: list[DeliveryReply]

    @classmethod
    def of(cls, page: DeliveryPage) -> Self:
        return cls(
            next_after=page.next_after,
            deliveries=[DeliveryReply.of(delivery) for delivery in page.deliveries],
        )


class InterventionReply(JsonModel):
    """Which operator did it, why and when."""

    by: str
    reason: str
    at: Time

    @classmethod
    def of(cls, done: Intervention | None) -> Self | None:
        return None if done is None else cls(by=done.by, reason=done.reason, at=done.at)


class OperatedAttemptReply(AttemptReply):
    """An attempt with the provider's own id of the message."""

    message_id: str | None

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        known = AttemptReply.of(attempt)
        return cls(**dict(known), message_id=attempt.message_id)


class OperatedDeliveryReply(DeliveryReply):
    """A delivery with its attempts, and what operators did last."""

    retried: InterventionReply | None
    given_up: InterventionReply | None
    attempt_history: list[OperatedAttemptReply]

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        return cls(
            **_facts(delivery),
            retried=InterventionReply.of(delivery.retried),
            given_up=InterventionReply.of(delivery.given_up),
            attempt_history=[OperatedAttemptReply.of(attempt) for attempt in delivery.history],
        )


class DeliveryChangeReply(JsonModel):
    """What an operator did to a delivery, and the status that it got by that."""

    delivery_id: UUID
    action: OperatorAction
    status: DeliveryStatus
    by: str
    reason: str
    at: Time

    @classmethod
    def of(cls, change: DeliveryChange) -> Self:
        return cls(
            delivery_id=change.delivery_id,
            action=change.action,
            status=change.status,
            by=change.by,
            reason=change.reason,
            at=change.at,
        )


class DeliveriesChangeReply(JsonModel):
    """How many deliveries match, and how many were changed: none in a dry run."""

    action: OperatorAction
    dry_run: bool
    matching: int
    changed: int

    @classmethod
    def of(cls, change: DeliveriesChange) -> Self:
        return cls(
            action=change.action,
            dry_run=change.is_dry_run,
            matching=change.matching,
            changed=change.changed,
        )


class TotalReply(JsonModel):
    """Orders, pieces and minor units sold in one currency."""

    currency: str
    orders: int
    items: int
    amount: int

    @classmethod
    def of(cls, currency: str, sales: Sequence[DailySales]) -> Self:
        return cls(
            currency=currency,
            orders=sum(sale.orders for sale in sales),
            items=sum(sale.items for sale in sales),
            amount=sum(sale.amount for sale in sales),
        )


class DayReply(JsonModel):
    """The same on one business day."""

    day: date
    currency: str
    orders: int
    items: int
    amount: int

    @classmethod
    def of(cls, sale: DailySales) -> Self:
        return cls(
            day=sale.day,
            currency=sale.currency,
            orders=sale.orders,
            items=sale.items,
            amount=sale.amount,
        )


class SalesReply(JsonModel):
    """What the analytics effect has counted so far."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    time_zone: str
    days: list[DayReply]
    totals: list[TotalReply]

    @classmethod
    def of(cls, period: SalesPeriod, time_zone: str, sales: Sequence[DailySales]) -> Self:
        by_currency = groupby(sorted(sales, key=_currency), key=_currency)
        return cls(
            first=period.first,
            last=period.last,
            time_zone=time_zone,
            days=[DayReply.of(sale) for sale in sales],
            totals=[TotalReply.of(currency, list(group)) for currency, group in by_currency],
        )


def _currency(sale: DailySales) -> str:
    return sale.currency
