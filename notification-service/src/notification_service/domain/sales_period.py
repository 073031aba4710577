"""The days that a report of sales covers."""

from dataclasses import dataclass
from datetime import date, timedelta

from notification_service.domain.errors import SalesPeriodReversed, SalesPeriodTooLong

# SalesPeriodTooLong says this number, too.
_LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class SalesPeriod:
    """Business days from ``first`` to ``last``, both included.

    Raises :class:`SalesPeriodReversed` and :class:`SalesPeriodTooLong`.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise SalesPeriodReversed
        if self.last - self.first > _LONGEST:
            raise SalesPeriodTooLong
