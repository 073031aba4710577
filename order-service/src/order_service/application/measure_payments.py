"""Counting what waits for a look-up or for an operator."""

from order_service.application.ports import ReportBacklog, UnitOfWorkFactory


class MeasurePayments:
    """Reports the backlog of all processes together."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, report: ReportBacklog) -> None:
        self._unit_of_work = unit_of_work
        self._report = report

    def __call__(self) -> None:
        with self._unit_of_work() as unit_of_work:
            backlog = unit_of_work.unsettled_payments.backlog()
        self._report(backlog)
