"""Sales added up by business day and currency."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from notification_service.domain.completed_order import CompletedOrder, business_day


@dataclass(frozen=True, slots=True)
class DailySales:
    """What was sold on one business day in one currency; ``amount`` in minor units, ``items`` in pieces."""

    day: date
    currency: str
    orders: int
    items: int
    amount: int


def daily_sales(orders: Iterable[CompletedOrder]) -> list[DailySales]:
    """``orders`` added up, sorted by day and currency."""
    sums: dict[tuple[date, str], DailySales] = {}
    for order in orders:
        key = (business_day(order.completed_at), order.currency)
        so_far = sums.get(key, DailySales(*key, orders=0, items=0, amount=0))
        sums[key] = replace(
            so_far,
            orders=so_far.orders + 1,
            items=so_far.items + order.item_count,
            amount=so_far.amount + order.total_amount,
        )
    # Rows are written in this order, so that processes that count at the same time never deadlock.
    return [sums[key] for key in sorted(sums)]
