"""What analytics has counted: sums by the hour or the day of the orders, by the shop's clock.

Amounts and prices are in minor units of their currency; ``items`` counts pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from notification_service.domain.delivery import Effect
from notification_service.domain.sales_period import SalesPeriod

LARGEST_BASKET = 100
"""Larger baskets are counted as baskets of so many pieces."""

NO_UPPER_BOUND_MS = 2**63 - 1
"""The bound of the slowest deliveries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What was sold, and what was cancelled at that time, whenever it had been sold.

    ``amount`` and ``orders`` stay as they were sold; an order whose pieces are cancelled one after the
    other has as many ``cancellations``.
    """

    orders: int
    items: int
    amount: int
    cancellations: int = 0
    cancelled_items: int = 0
    cancelled_amount: int = 0

    @property
    def net_amount(self) -> int:
        """Below 0 where more was returned than sold."""
        return self.amount - self.cancelled_amount


@dataclass(frozen=True, slots=True)
class DailySales(Sums):
    """What was sold on one business day in one currency."""

    day: date
    currency: str


@dataclass(frozen=True, slots=True)
class HourlySales(Sums):
    """What was sold in the hour that began at ``starts_at``; ``hour`` is that of the shop's clock."""

    starts_at: datetime
    currency: str
    day: date
    hour: int


@dataclass(frozen=True, slots=True)
class ProductSales(Sums):
    """What was sold of one product. ``orders`` counts an order once, however many lines it has of it.

    Amounts add up prices: an order's discount belongs to no product.
    """

    day: date
    currency: str
    product_id: str


@dataclass(frozen=True, slots=True)
class BasketSizes:
    """The orders of so many pieces; those of LARGEST_BASKET may have more."""

    day: date
    currency: str
    pieces: int
    orders: int
    amount: int


@dataclass(frozen=True, slots=True)
class DailyCustomers:
    """The customers with an order on that day; new are those whose first order it was."""

    day: date
    new: int
    returning: int


@dataclass(frozen=True, slots=True)
class EffectDelays:
    """Deliveries of one hour's orders that took longer than the bound below, and at most ``up_to_ms``.

    Counted from the payment's approval until the effect was delivered. None bounds the slowest.
    """

    starts_at: datetime
    effect: Effect
    up_to_ms: int | None
    day: date
    hour: int
    deliveries: int
    total_ms: int


Figure = DailySales | HourlySales | ProductSales | BasketSizes | DailyCustomers | EffectDelays

Key = tuple[date | datetime | str | int, ...]
"""Of a figure, among those of its kind; figures are sorted by it."""


class FigureKind(StrEnum):
    """The lists that there are."""

    DAYS = "days"
    HOURS = "hours"
    PRODUCTS = "products"
    BASKETS = "baskets"
    CUSTOMERS = "customers"
    DELAYS = "delays"


@dataclass(frozen=True, slots=True)
class FigureSelection:
    """Which figures; None stands for all. A filter counts only for kinds that have what it names."""

    kind: FigureKind
    period: SalesPeriod
    currency: str | None = None
    product_id: str | None = None
    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class FigurePage:
    """``last`` is the key of the last figure, where the page isn't the last one."""

    time_zone: str
    figures: Sequence[Figure]
    last: Key | None
