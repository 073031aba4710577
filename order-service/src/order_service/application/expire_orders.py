"""Giving up orders that nobody pays."""

from datetime import timedelta

import structlog

from order_service.application.ports import UnitOfWorkFactory

BATCH_SIZE = 100

_log = structlog.get_logger(__name__)


class ExpireOrders:
    """Expires orders that wait for their payment for longer than ``limit``, by the database's clock.

    Their coupons are released. Several processes may do this at once. What is charged for an expired order
    all the same is REFUND_DUE.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, limit: timedelta) -> None:
        self._unit_of_work = unit_of_work
        self._limit = limit

    def __call__(self) -> int:
        """How many it expired, no more than a batch."""
        with self._unit_of_work() as unit_of_work:
            placed_before = unit_of_work.now() - self._limit
            expired = unit_of_work.unpaid_orders.expire(placed_before, BATCH_SIZE)
            unit_of_work.coupon_releases.add_expired(expired)
            unit_of_work.commit()
        if expired:
            _log.info("orders_expired", orders=len(expired), placed_before=placed_before.isoformat())
        return len(expired)
