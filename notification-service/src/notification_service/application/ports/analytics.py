"""What is counted of orders, and read of it."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Protocol
from uuid import UUID

from notification_service.domain.figures import (
    DailySales,
    Figure,
    FigureSelection,
    Key,
    ProductSales,
)
from notification_service.domain.sales_period import SalesPeriod


class Analytics(Protocol):
    """What all of analytics shares."""

    def share(self) -> None:
        """Keep rebuilds out until the transaction ends; waits for one that goes on."""
        ...

    def hold(self) -> None:
        """Keep out all that count, until the transaction ends; waits for those that do."""
        ...

    def hold_in_time(self) -> bool:
        """The same; false if those that count take longer than a lock may."""
        ...

    def time_zone(self) -> str:
        """The zone whose days and hours are counted."""
        ...

    def adopt(self, time_zone: str) -> None:
        """Count by this zone. Raises UnknownTimeZone, and TimeZoneInUse once another one has counts."""
        ...

    def days_of_orders(self, after: UUID | None, limit: int) -> tuple[Collection[date], UUID | None]:
        """The days of at most ``limit`` kept orders whose events follow ``after``, in the order of their ids.

        Also the last one of these events, behind which there may be more; None if there are none.
        """
        ...

    def is_closed(self, day: date) -> bool:
        """Whether the day has lost events to retention."""
        ...


class Sales(Protocol):
    """The counted orders, and the sums of what they sold."""

    def add_orders(self, event_ids: Collection[UUID]) -> set[UUID]:
        """Mark the orders of these events as counted; returns the events whose orders were not before."""
        ...

    def add_sales(self, event_ids: Collection[UUID]) -> None:
        """Add the orders of these events to all sums."""
        ...

    def rebuild(self, day: date) -> None:
        """Replace the day's sums by those of its counted orders."""
        ...

    def in_period(self, period: SalesPeriod) -> Sequence[DailySales]:
        """The sums of the period, sorted by day and currency."""
        ...


class CancelledSales(Protocol):
    """The sums of what was cancelled."""

    def add(self, event_ids: Collection[UUID]) -> None:
        """Add the cancellations of these events, which the caller has found due, to all sums."""
        ...

    def rebuild(self, day: date) -> None:
        """Replace the day's sums by those of its counted cancellations."""
        ...


class Customers(Protocol):
    """The customers' first orders, and the days' customers."""

    def add(self, event_ids: Collection[UUID]) -> Collection[int]:
        """Count the customers of these events, which :meth:`Sales.add_orders` returned.

        Returns the user ids of those that had no order before.
        An order that arrives after retention has deleted its customer's other orders of that day counts the
        customer once more for the day: nothing else says who ordered then.
        """
        ...

    def rebuild(self, day: date) -> None:
        """Count the day's customers anew; first orders that it has, and that weren't known, are kept."""
        ...


class Delays(Protocol):
    """How long effects took."""

    def fold(self, limit: int) -> int:
        """Add what deliveries left to the sums, at most so many entries; returns how many there were."""
        ...

    def rebuild(self, day: date) -> None:
        """Replace the sums of the day's orders by what their deliveries say."""
        ...


class Figures(Protocol):
    """Lists of what was counted."""

    def find(
        self, selection: FigureSelection, *, limit: int, after: Key | None
    ) -> Sequence[tuple[Key, Figure]]:
        """What is selected by key: at most ``limit``, behind ``after``."""
        ...

    def best_products(self, day: date, currency: str, limit: int) -> Sequence[ProductSales]:
        """The products that sold for most on that day in that currency, the best first."""
        ...
