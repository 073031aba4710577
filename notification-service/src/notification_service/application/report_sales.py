"""Reporting what the analytics effect has counted."""

from collections.abc import Sequence

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.domain.figures import DailySales
from notification_service.domain.sales_period import SalesPeriod


class ReportSales:
    """Looks up the sales of a period, by business day and currency, and the time zone of the days."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, period: SalesPeriod) -> tuple[str, Sequence[DailySales]]:
        with self._unit_of_work() as unit_of_work:
            return unit_of_work.analytics.time_zone(), unit_of_work.sales.in_period(period)
