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
from notification_service.domain.figures import DailySales, Sums
from notification_service.domain.sales_period import SalesPeriod
from notification_service.http.bodies import EffectName
from servicekit.fields import JsonModel, Time

EFFECT_NAMES: dict[Effect, EffectName] = {
    Effect.ALIMTALK: "alimtalk",
    Effect.ANALYTICS: "analytics",
    Effect.CANCELLED_SALES: "cancelled_sales",
    Effect.MONITORING: "monitoring",
}


class RecordedReply(JsonModel):
    """Nothing that a provider needs to know."""


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
    """One effect of an event about the order. ``nextAttemptAt`` is null unless an attempt is planned.

    ``lastError`` says why the latest attempt failed, or why none was made of what is SKIPPED or waits.
    ``attemptHistory`` lists the calls that were made; counting makes none.
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
    """The effects of an order's completion, and of each cancellation; none if no event has arrived."""

    order_id: UUID
    effects: list[EffectReply]

    @classmethod
    def of(cls, order_id: UUID, deliveries: Sequence[Delivery]) -> Self:
        return cls(order_id=order_id, effects=[EffectReply.of(delivery) for delivery in deliveries])


class SumsPart(JsonModel):
    """Orders, pieces and minor units: as sold, and as cancelled at that time, whenever they had been sold.

    ``netAmount`` is the difference, below 0 where more was returned than sold.
    """

    orders: int
    items: int
    amount: int
    cancellations: int
    cancelled_items: int
    cancelled_amount: int
    net_amount: int


def sums_part(figures: Sequence[Sums]) -> dict[str, int]:
    """The sums of figures, as SumsPart has them."""
    return {name: sum(getattr(figure, name) for figure in figures) for name in SumsPart.model_fields}


class TotalReply(SumsPart):
    """The sums of one currency."""

    currency: str

    @classmethod
    def of(cls, currency: str, sales: Sequence[DailySales]) -> Self:
        return cls(currency=currency, **sums_part(sales))


class DayReply(SumsPart):
    """The same on one business day."""

    day: date
    currency: str

    @classmethod
    def of(cls, sale: DailySales) -> Self:
        return cls(day=sale.day, currency=sale.currency, **sums_part([sale]))


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
