"""What rules see in orders and in the hours' numbers of them, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor
from uuid import UUID

from notification_service.domain.alert import Seen
from notification_service.domain.alert_rule import OrderRule, RateRule, usual_band
from notification_service.domain.amounts import money


@dataclass(frozen=True, slots=True)
class MatchedOrder:
    """An order that a rule matched; each match has an id of its own."""

    match_id: int
    rule: str
    order_id: UUID
    currency: str
    total_amount: int

    @property
    def alert_key(self) -> str:
        return f"{self.rule}:{self.currency}"


def seen_in_orders(rule: OrderRule, matched: Sequence[MatchedOrder]) -> Seen:
    """What these orders of one currency, of which there is at least one, say together."""
    last = matched[-1]
    amount = money(last.total_amount, last.currency)
    orders = "1 order" if len(matched) == 1 else f"{len(matched)} orders"
    what = f"{orders} of new customers" if rule.first_order else orders
    limit = rule.limits.get(last.currency)
    above = "" if limit is None else f" above {money(limit, last.currency)}"
    return Seen(
        len(matched),
        f"{what}{above}, the last of {amount}",
        {
            "orderId": str(last.order_id),
            "currency": last.currency,
            "totalAmount": last.total_amount,
        },
    )


@dataclass(frozen=True, slots=True)
class CountedHour:
    """The orders of an hour, by the shop's clock, and those of the same hour of the days before it."""

    starts_at: datetime
    orders: int
    history: Sequence[int]


def seen_in_hour(rule: RateRule, hour: CountedHour) -> Seen | None:
    """What is unusual about the hour; None if nothing is, or if too few days say what is usual."""
    if len(hour.history) < rule.least_days:
        return None
    band = usual_band(hour.history, rule.tolerance)
    if hour.orders in band:
        return None
    low, high = ceil(band.low), floor(band.high)
    return Seen(
        1,
        f"{hour.orders} orders from {hour.starts_at:%H:%M} on for an hour; usual are {low} to {high}",
        {"hour": hour.starts_at.isoformat(), "orders": hour.orders, "low": low, "high": high},
    )
