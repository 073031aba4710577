"""What the analytics effect has counted."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Protocol

from notification_service.domain.daily_sales import DailySales


class Analytics(Protocol):
    def sales_between(self, first: date, last: date) -> Sequence[DailySales]: ...


class UnitOfWork(Protocol):
    @property
    def analytics(self) -> Analytics: ...


class ReportSales:
    """The sales of the business days ``first`` to ``last``, both included, by day and currency."""

    def __init__(self, begin: Callable[[], AbstractContextManager[UnitOfWork]]) -> None:
        self._begin = begin

    def __call__(self, first: date, last: date) -> Sequence[DailySales]:
        with self._begin() as work:
            return work.analytics.sales_between(first, last)
