"""Counting anew what the kept events say."""

from collections.abc import Iterator
from datetime import date

from notification_service.application.ports import UnitOfWorkFactory


class RebuildAnalytics:
    """Replaces the sums of each day whose events are all kept, a day in one transaction.

    Consumers may run: while a day is replaced, analytics wait, and the other effects go on. Days that have
    lost events to retention stay as they are, and so do their customers' first orders.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self) -> Iterator[date]:
        """Each day, the oldest first, once it is replaced."""
        with self._unit_of_work() as unit_of_work:
            days = unit_of_work.analytics.whole_days()
        for day in days:
            if self._rebuild(day):
                yield day

    def _rebuild(self, day: date) -> bool:
        with self._unit_of_work() as unit_of_work:
            # First of all: what was counted before is visible now, and nothing is counted until the commit.
            unit_of_work.analytics.hold()
            if unit_of_work.analytics.is_closed(day):
                return False
            unit_of_work.customers.rebuild(day)
            unit_of_work.sales.rebuild(day)
            unit_of_work.delays.rebuild(day)
            unit_of_work.commit()
        return True
