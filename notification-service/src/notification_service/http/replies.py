"""What clients receive."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Self
from uuid import UUID

from pydantic import Field

from notification_service.domain.attempt_history import Attempt, AttemptOutcome, Purpose
from notification_service.domain.delivery import Delivery, DeliveryStatus, Effect
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.figures import DailySales
from notification_service.domain.sales_period import SalesPeriod
from notification_service.http.bodies import EffectName
from servicekit.fields import JsonModel, Time

EFFECT_NAMES: dict[Effect, EffectName] = {
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
            effect=EFFECT_NAMES[delivery.effect],
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
