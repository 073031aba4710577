"""Reporting one business day."""

from datetime import date

from notification_service.application.ports import UnitOfWork, UnitOfWorkFactory
from notification_service.domain.day_report import CurrencyReport, DayReport, delay_summaries
from notification_service.domain.figures import (
    BasketSizes,
    DailyCustomers,
    DailySales,
    EffectDelays,
    Figure,
    FigureKind,
    FigureSelection,
    HourlySales,
)
from notification_service.domain.sales_period import SalesPeriod

_BEST_PRODUCTS = 10
# No day has as many hours, sizes or bounds in all currencies.
_ALL = 100_000


class ReportDay:
    """Looks up all that was counted of a day. Its parts agree if the unit of work reads one snapshot."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, day: date) -> DayReport:
        with self._unit_of_work() as unit_of_work:
            customers = [
                figure
                for figure in _find(unit_of_work, FigureKind.CUSTOMERS, day)
                if isinstance(figure, DailyCustomers)
            ]
            delays = [
                figure
                for figure in _find(unit_of_work, FigureKind.DELAYS, day)
                if isinstance(figure, EffectDelays)
            ]
            return DayReport(
                day,
                unit_of_work.analytics.time_zone(),
                new_customers=sum(one.new for one in customers),
                returning_customers=sum(one.returning for one in customers),
                currencies=[
                    _of_currency(unit_of_work, sales)
                    for sales in _find(unit_of_work, FigureKind.DAYS, day)
                    if isinstance(sales, DailySales)
                ],
                delays=delay_summaries(delays),
            )


def _of_currency(unit_of_work: UnitOfWork, sales: DailySales) -> CurrencyReport:
    hours = _find(unit_of_work, FigureKind.HOURS, sales.day, sales.currency)
    baskets = _find(unit_of_work, FigureKind.BASKETS, sales.day, sales.currency)
    return CurrencyReport(
        sales.currency,
        sales,
        hours=[hour for hour in hours if isinstance(hour, HourlySales)],
        best_products=unit_of_work.figures.best_products(sales.day, sales.currency, _BEST_PRODUCTS),
        baskets=[basket for basket in baskets if isinstance(basket, BasketSizes)],
    )


def _find(unit_of_work: UnitOfWork, kind: FigureKind, day: date, currency: str | None = None) -> list[Figure]:
    selection = FigureSelection(kind, SalesPeriod(day, day), currency=currency)
    return [figure for _, figure in unit_of_work.figures.find(selection, limit=_ALL, after=None)]
