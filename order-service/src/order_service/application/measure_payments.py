"""Counting what waits for a look-up or for an operator."""

from collections.abc import Mapping
from datetime import timedelta

from order_service.application.ports import ReportBacklog, UnitOfWorkFactory
from order_service.application.warn_of_unreachable_payments import WarnOfUnreachablePayments


class MeasurePayments:
    """Reports the backlog of all processes together. ``accounts`` are those that this one can ask with."""

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        accounts: Mapping[str, str],
        in_progress_limit: timedelta,
        report: ReportBacklog,
        warn: WarnOfUnreachablePayments,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._accounts = accounts
        self._in_progress_limit = in_progress_limit
        self._report = report
        self._warn = warn

    def __call__(self) -> None:
        with self._unit_of_work() as unit_of_work:
            backlog = unit_of_work.unsettled_payments.backlog(self._accounts, self._in_progress_limit)
        self._report(backlog)
        self._warn(backlog.unreachable)
