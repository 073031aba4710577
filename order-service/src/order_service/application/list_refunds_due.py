"""Listing the payments whose money has to be returned."""

from collections.abc import Sequence

from order_service.application.ports import UnitOfWorkFactory
from order_service.domain.payment import Payment


class ListRefundsDue:
    """An operator's list of what was charged after it had been given up."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, limit: int) -> Sequence[Payment]:
        """At most ``limit``, the longest due first."""
        with self._unit_of_work() as unit_of_work:
            return unit_of_work.payments.refunds_due(limit)
