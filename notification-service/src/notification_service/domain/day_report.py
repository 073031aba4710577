"""What a shop wants to know of one business day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from notification_service.domain.delivery import Effect
from notification_service.domain.figures import BasketSizes, EffectDelays, HourlySales, ProductSales, Sums


@dataclass(frozen=True, slots=True)
class CurrencyReport:
    """What was sold and cancelled in one currency: by the hours, products and baskets that there were."""

    currency: str
    sums: Sums
    hours: Sequence[HourlySales]
    best_products: Sequence[ProductSales]
    baskets: Sequence[BasketSizes]


@dataclass(frozen=True, slots=True)
class DelaySummary:
    """How long an effect took for the day's orders, from the payment's approval on.

    Half of the deliveries, and 99 of 100, took no longer than the stated bounds; None is above all bounds.
    """

    effect: Effect
    deliveries: int
    mean_ms: int
    half_within_ms: int | None
    almost_all_within_ms: int | None


@dataclass(frozen=True, slots=True)
class DayReport:
    """A day in the shop's zone."""

    day: date
    time_zone: str
    new_customers: int
    returning_customers: int
    currencies: Sequence[CurrencyReport]
    delays: Sequence[DelaySummary]


def delay_summaries(delays: Sequence[EffectDelays]) -> list[DelaySummary]:
    """The delays of any hours, summed up by effect."""
    return [
        _summary(effect, [delay for delay in delays if delay.effect is effect])
        for effect in Effect
        if any(delay.effect is effect for delay in delays)
    ]


def _summary(effect: Effect, delays: Sequence[EffectDelays]) -> DelaySummary:
    deliveries = sum(delay.deliveries for delay in delays)
    return DelaySummary(
        effect,
        deliveries,
        mean_ms=sum(delay.total_ms for delay in delays) // deliveries,
        half_within_ms=_bound(delays, deliveries, percent=50),
        almost_all_within_ms=_bound(delays, deliveries, percent=99),
    )


def _bound(delays: Sequence[EffectDelays], deliveries: int, percent: int) -> int | None:
    """The lowest bound within which at least ``percent`` of the deliveries were."""
    within = 0
    bounded = [delay for delay in delays if delay.up_to_ms is not None]
    for bound in sorted({delay.up_to_ms for delay in bounded if delay.up_to_ms is not None}):
        within += sum(delay.deliveries for delay in bounded if delay.up_to_ms == bound)
        if within * 100 >= deliveries * percent:
            return bound
    return None
