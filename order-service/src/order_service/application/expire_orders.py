"""Giving up orders that nobody pays."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from order_service.application.ports import UnitOfWorkFactory
from order_service.application.report_postponed import ReportPostponed
from order_service.application.set_rows_apart import SetRowsApart

BATCH_SIZE = 100

_log = structlog.get_logger(__name__)


class ExpireOrders:
    """Expires orders that wait for their payment for longer than ``limit``, by the database's clock.

    Their coupons are released. Several processes may do this at once. What is charged for an expired order
    all the same is REFUND_DUE. An order that the database refuses to expire delays no other.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, limit: timedelta, report_postponed: ReportPostponed
    ) -> None:
        self._unit_of_work = unit_of_work
        self._limit = limit
        self._may_pass = report_postponed.may_pass
        self._set_rows_apart = SetRowsApart("order_expiry_postponed", "order_id", report_postponed)

    def __call__(self) -> int:
        """How many it expired, no more than a batch."""
        try:
            return self._expire()
        except Exception as error:
            if self._may_pass(error):
                raise
            return self._set_rows_apart(self._due(), self._expire_one)

    def _expire(self) -> int:
        with self._unit_of_work() as unit_of_work:
            placed_before = unit_of_work.now() - self._limit
            expired = unit_of_work.unpaid_orders.expire(placed_before, BATCH_SIZE, self._set_rows_apart.ids())
            unit_of_work.coupon_releases.add_expired(expired)
            unit_of_work.commit()
        _report(expired, placed_before)
        return len(expired)

    def _due(self) -> Sequence[UUID]:
        with self._unit_of_work() as unit_of_work:
            placed_before = unit_of_work.now() - self._limit
            return unit_of_work.unpaid_orders.due(placed_before, BATCH_SIZE, self._set_rows_apart.ids())

    def _expire_one(self, order_id: UUID) -> bool:
        with self._unit_of_work() as unit_of_work:
            expired = unit_of_work.unpaid_orders.expire_one(order_id)
            unit_of_work.coupon_releases.add_expired(expired)
            placed_before = unit_of_work.now() - self._limit
            unit_of_work.commit()
        _report(expired, placed_before)
        return bool(expired)


def _report(expired: Sequence[UUID], placed_before: datetime) -> None:
    if expired:
        _log.info("orders_expired", orders=len(expired), placed_before=placed_before.isoformat())
