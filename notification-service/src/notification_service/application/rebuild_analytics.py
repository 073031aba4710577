"""Counting anew what the kept events say."""

from collections.abc import Iterator, Sequence
from datetime import date

from notification_service.application.ports import UnitOfWorkFactory


class RebuildAnalytics:
    """Replaces the sums of each day whose events are all kept, a day in one transaction.

    Consumers may run: while a day is replaced, analytics wait, and the other effects go on. Days that have
    lost events to retention stay as they are, and so do their customers' first orders. After an interruption
    the days that were replaced are complete; it may be repeated from the next one on, or from the first.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, page_size: int = 20_000) -> None:
        self._unit_of_work = unit_of_work
        self._page_size = page_size

    def __call__(self, first: date = date.min) -> Iterator[date]:
        """Each day from ``first`` on, the oldest first, once it is replaced."""
        for day in self._days():
            if day >= first and self._rebuild(day):
                yield day

    def _days(self) -> Sequence[date]:
        days: set[date] = set()
        last = None
        while True:
            # A transaction each: none of them holds up what the database cleans.
            with self._unit_of_work() as unit_of_work:
                found, last = unit_of_work.analytics.days_of_orders(last, self._page_size)
            days.update(found)
            if last is None:
                return sorted(days)

    def _rebuild(self, day: date) -> bool:
        with self._unit_of_work() as unit_of_work:
            # First of all: what was counted before is visible now, and nothing is counted until the commit.
            unit_of_work.analytics.hold()
            if unit_of_work.analytics.is_closed(day):
                return False
            unit_of_work.customers.rebuild(day)
            unit_of_work.sales.rebuild(day)
            unit_of_work.cancelled_sales.rebuild(day)
            unit_of_work.delays.rebuild(day)
            unit_of_work.commit()
        return True
