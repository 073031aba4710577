"""Payments that await a look-up: each is claimed by moving the time of its next one."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    and_,
    cast,
    false,
    func,
    or_,
    select,
    true,
    union_all,
    update,
)

from order_service.application.ports import ClaimedLookUp
from order_service.domain.payment import UNSETTLED
from order_service.domain.payment_backlog import PaymentBacklog, UnreachablePayments
from order_service.domain.payment_request import PaymentMethod
from order_service.domain.refund import RefundStatus
from order_service.persistence.payments import FORMER_GATEWAY, IS_REFUND_DUE, IS_TAKEN_BACK, payment_of
from order_service.persistence.tables import payment as payments
from order_service.persistence.tables import refund as refunds

IS_UNSETTLED = payments.c.status.in_(sorted(status.value for status in UNSETTLED))
LOOK_UP_INTERVAL = timedelta(seconds=1)
"""At most one look-up of a payment in this time, by all processes together."""
UNCLAIMED_FOR = timedelta(minutes=1)
"""After this, no worker can be there that asks about a payment."""
_NOW = func.clock_timestamp()
_METHODS = sorted(method.value for method in PaymentMethod)
_gateway = func.coalesce(payments.c.gateway, FORMER_GATEWAY)
_AWAITS_DEPOSIT = func.coalesce(payments.c.deposit_due_at > _NOW, false())

# A payment that no worker has seen yet has no refund.
_HAS_REFUND = select(refunds.c.refund_id).where(refunds.c.payment_id == payments.c.payment_id).exists()
_UNMADE = union_all(
    select(refunds.c.requested_at.label("since"), refunds.c.refused_code.is_not(None).label("is_refused"))
    .join(payments, payments.c.payment_id == refunds.c.payment_id)
    .where(refunds.c.status != RefundStatus.REFUNDED.value, payments.c.refunded_at.is_(None)),
    select(payments.c.approved_at, false()).where(IS_REFUND_DUE, ~_HAS_REFUND),
).subquery()
_REFUNDS_DUE = select(
    func.count(),
    func.count().filter(_UNMADE.c.is_refused),
    func.extract("epoch", _NOW - func.min(_UNMADE.c.since).filter(~_UNMADE.c.is_refused)),
)
_TAKEN_BACK = select(func.count()).select_from(payments).where(IS_TAKEN_BACK)


class SqlUnsettledPayments:
    """The unsettled payments on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(
        self, accounts: Mapping[str, str], in_progress_limit: timedelta, lease: timedelta
    ) -> ClaimedLookUp | None:
        row = self._connection.execute(
            select(payments)
            .where(
                IS_UNSETTLED,
                payments.c.next_lookup_at <= func.statement_timestamp(),
                # The attempt may still be on its way to the gateway, where a look-up would not find it yet.
                payments.c.requested_at <= _NOW - in_progress_limit,
                may_be_looked_up(),
                belongs_to(accounts),
            )
            .order_by(payments.c.next_lookup_at)
            .limit(1)
            # Skipping, not waiting: another process has claimed the locked rows, or is settling them.
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is None:
            return None
        number = row.lookup_count + 1
        until = self._connection.execute(
            update(payments)
            .where(payments.c.payment_id == row.payment_id)
            .values(lookup_count=number, next_lookup_at=_NOW + lease, looked_up_at=_NOW)
            .returning(payments.c.next_lookup_at)
        ).scalar_one()
        return ClaimedLookUp(payment_of(row), number, until)

    def claim_one(self, payment_id: UUID) -> bool:
        claimed = self._connection.execute(
            update(payments)
            .where(payments.c.payment_id == payment_id, IS_UNSETTLED, may_be_looked_up())
            .values(looked_up_at=_NOW)
            .returning(payments.c.payment_id)
        )
        return claimed.one_or_none() is not None

    def claim_whatever_state(self, payment_id: UUID) -> bool:
        claimed = self._connection.execute(
            update(payments)
            .where(payments.c.payment_id == payment_id, may_be_looked_up())
            .values(looked_up_at=_NOW)
            .returning(payments.c.payment_id)
        )
        return claimed.one_or_none() is not None

    def postpone(self, claimed: ClaimedLookUp, pause: timedelta, *, is_counted: bool) -> None:
        self._connection.execute(
            update(payments)
            .where(
                payments.c.payment_id == claimed.payment.payment_id,
                payments.c.next_lookup_at == claimed.until,
            )
            .values(next_lookup_at=_NOW + pause, lookup_count=claimed.number - (0 if is_counted else 1))
        )

    def backlog(self, accounts: Mapping[str, str], in_progress_limit: timedelta) -> PaymentBacklog:
        age = _NOW - func.min(payments.c.requested_at).filter(~_AWAITS_DEPOSIT)
        number, awaiting_deposit, oldest_seconds = self._connection.execute(
            select(
                func.count().filter(~_AWAITS_DEPOSIT),
                func.count().filter(_AWAITS_DEPOSIT),
                func.extract("epoch", age),
            ).where(IS_UNSETTLED)
        ).one()
        refunds_due, refunds_refused, refund_seconds = self._connection.execute(_REFUNDS_DUE).one()
        # Another transaction may have stamped its payment after this one looked at the clock.
        oldest = max(0.0, float(oldest_seconds or 0))
        unreachable = self._unreachable(accounts, in_progress_limit + UNCLAIMED_FOR)
        oldest_refund = max(0.0, float(refund_seconds or 0))
        taken_back = self._connection.execute(_TAKEN_BACK).scalar_one()
        return PaymentBacklog(
            number,
            oldest,
            refunds_due,
            awaiting_deposit,
            unreachable,
            refunds_refused,
            oldest_refund,
            taken_back,
        )

    def _unreachable(self, accounts: Mapping[str, str], since: timedelta) -> tuple[UnreachablePayments, ...]:
        age = _NOW - func.min(payments.c.requested_at)
        # They begin with the time. No release of PostgreSQL before 18 has a least UUID.
        first_id = func.min(cast(payments.c.payment_id, Text))
        query = (
            select(_gateway, payments.c.gateway_account, func.count(), func.extract("epoch", age), first_id)
            .where(
                IS_UNSETTLED,
                payments.c.next_lookup_at <= _NOW - UNCLAIMED_FOR,
                payments.c.requested_at <= _NOW - since,
                ~belongs_to(accounts),
            )
            .group_by(_gateway, payments.c.gateway_account)
            .order_by(_gateway, payments.c.gateway_account)
        )
        return tuple(
            UnreachablePayments(gateway, account, number, float(seconds), UUID(first_id))
            for gateway, account, number, seconds, first_id in self._connection.execute(query)
        )


def may_be_looked_up() -> ColumnElement[bool]:
    """Whether the last look-up was long enough ago."""
    return func.coalesce(payments.c.looked_up_at <= _NOW - LOOK_UP_INTERVAL, true())


def belongs_to(accounts: Mapping[str, str]) -> ColumnElement[bool]:
    """Whether a payment belongs to one of the accounts, by their gateway's name.

    Of a former release's payment only that is known. One whose method a later release knows is that one's.
    """
    is_at_any = or_(
        false(),
        *(
            and_(_gateway == name, func.coalesce(payments.c.gateway_account, account) == account)
            for name, account in accounts.items()
        ),
    )
    return and_(is_at_any, payments.c.method.in_(_METHODS))
