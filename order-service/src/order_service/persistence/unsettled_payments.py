"""Payments that await a look-up: each is claimed by moving the time of its next one."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection, func, select, update

from order_service.domain.payment import UNSETTLED, Payment
from order_service.domain.payment_backlog import PaymentBacklog
from order_service.persistence.payments import IS_REFUND_DUE, payment_of
from order_service.persistence.tables import payment as payments

IS_UNSETTLED = payments.c.status.in_(sorted(status.value for status in UNSETTLED))


class SqlUnsettledPayments:
    """The unsettled payments on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(
        self, limit: int, in_progress_limit: timedelta, pause_seconds: Callable[[int], float]
    ) -> list[Payment]:
        now = func.clock_timestamp()
        due = self._connection.execute(
            select(payments)
            .where(
                IS_UNSETTLED,
                payments.c.next_lookup_at <= func.statement_timestamp(),
                # The attempt may still be on its way to the gateway, where a look-up would not find it yet.
                payments.c.requested_at <= now - in_progress_limit,
            )
            .order_by(payments.c.next_lookup_at)
            .limit(limit)
            # Skipping, not waiting: another process has claimed the locked rows, or is settling them.
            .with_for_update(skip_locked=True)
        ).all()
        for row in due:
            lookup_count = row.lookup_count + 1
            pause = timedelta(seconds=pause_seconds(lookup_count))
            self._connection.execute(
                update(payments)
                .where(payments.c.payment_id == row.payment_id)
                .values(lookup_count=lookup_count, next_lookup_at=now + pause)
            )
        return [payment_of(row) for row in due]

    def backlog(self) -> PaymentBacklog:
        age = func.clock_timestamp() - func.min(payments.c.requested_at)
        unsettled = select(func.count(), func.extract("epoch", age)).where(IS_UNSETTLED)
        number, oldest_seconds = self._connection.execute(unsettled).one()
        refunds_due = self._connection.execute(
            select(func.count()).select_from(payments).where(IS_REFUND_DUE)
        ).scalar_one()
        # Another transaction may have stamped its payment after this one looked at the clock.
        return PaymentBacklog(number, max(0.0, float(oldest_seconds or 0)), refunds_due)
