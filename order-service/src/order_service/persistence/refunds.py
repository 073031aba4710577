"""The refunds that are due, each claimed by one process at a time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, select, true, update
from sqlalchemy.dialects.postgresql import insert

from order_service.application.ports import ClaimedRefund
from order_service.domain.errors import PaymentBusy, PaymentNotFound, RefundNotDue
from order_service.domain.payment import Payment, PaymentStatus
from order_service.domain.refund import Refund, RefundStatus
from order_service.domain.refund_request import RefundRequest
from order_service.persistence.payments import IS_REFUND_DUE, payment_of
from order_service.persistence.tables import payment as payments
from order_service.persistence.tables import refund as refunds
from order_service.persistence.unsettled_payments import LOOK_UP_INTERVAL, belongs_to

_NOW = func.clock_timestamp()
_IS_FREE = func.coalesce(refunds.c.claimed_until <= _NOW, true()) & func.coalesce(
    refunds.c.asked_at <= _NOW - LOOK_UP_INTERVAL, true()
)
# A former release, too, may have returned the money.
_IS_DUE = (refunds.c.status == RefundStatus.DUE.value) & payments.c.refunded_at.is_(None)


class SqlRefunds:
    """The refunds on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, refund: Refund, lease: timedelta) -> ClaimedRefund:
        self._insert(refund)
        return self._claimed(refund, 1, lease)

    def add(self, refund: Refund) -> None:
        self._insert(refund)

    def adopt(self, limit: int, besides: Collection[UUID] = ()) -> None:
        for row in self._connection.execute(_unadopted(limit, besides)):
            self._add(row)

    def adopt_one(self, payment_id: UUID) -> None:
        for row in self._connection.execute(_unadopted(1).where(payments.c.payment_id == payment_id)):
            self._add(row)

    def unadopted(self, limit: int, besides: Collection[UUID]) -> Sequence[UUID]:
        ids = _unadopted(limit, besides).with_only_columns(payments.c.payment_id)
        return self._connection.execute(ids).scalars().all()

    def claim(self, accounts: Mapping[str, str], lease: timedelta) -> ClaimedRefund | None:
        row = self._connection.execute(
            select(refunds)
            .join(payments, payments.c.payment_id == refunds.c.payment_id)
            .where(_IS_DUE, refunds.c.next_at <= func.statement_timestamp(), _IS_FREE, belongs_to(accounts))
            .order_by(refunds.c.next_at)
            .limit(1)
            # Skipping, not waiting: another process has claimed the locked rows.
            .with_for_update(skip_locked=True, of=refunds)
        ).one_or_none()
        return None if row is None else self._claimed(self._refund(row), row.claim_count + 1, lease)

    def claim_one(self, payment_id: UUID, lease: timedelta) -> ClaimedRefund:
        refund = self.lock(payment_id)
        is_free, number = self._connection.execute(
            select(_IS_FREE, refunds.c.claim_count).where(refunds.c.refund_id == refund.request.refund_id)
        ).one()
        if not is_free:
            raise PaymentBusy(f"payment {payment_id} was asked about within the last second: repeat this")
        if refund.status is RefundStatus.REFUSED:
            refund = refund.asked_anew()
        return self._claimed(refund, number + 1, lease)

    def lock(self, payment_id: UUID) -> Refund:
        row = self._connection.execute(
            select(payments).where(payments.c.payment_id == payment_id)
        ).one_or_none()
        if row is None:
            raise PaymentNotFound(f"there is no payment {payment_id}")
        # A former release, too, may have returned what was taken wrongly.
        if row.refunded_at is None:
            if row.status == PaymentStatus.REFUND_DUE.value:
                self._add(row)
            locked = self._connection.execute(_unmade_of(payment_id).with_for_update()).one_or_none()
            if locked is not None:
                self._check_free(locked)
                return self._refund(locked)
        raise RefundNotDue(_why_not_due(payment_of(row)))

    def save(self, claimed: ClaimedRefund, after: Refund, pause: timedelta) -> bool:
        if after.status is RefundStatus.REFUNDED:
            return self.record(after)
        saved = self._connection.execute(
            update(refunds)
            .where(
                refunds.c.refund_id == after.request.refund_id,
                refunds.c.claim_count == claimed.number,
                refunds.c.status == RefundStatus.DUE.value,
            )
            .values(next_at=_NOW + pause, claimed_until=None, **_changing(after))
            .returning(refunds.c.refund_id)
        )
        return saved.one_or_none() is not None

    def record(self, refund: Refund) -> bool:
        # The refund first, as all who change both do.
        made = self._connection.execute(
            update(refunds)
            .where(
                refunds.c.refund_id == refund.request.refund_id,
                refunds.c.status != RefundStatus.REFUNDED.value,
            )
            .values(claimed_until=None, **_changing(refund))
            .returning(refunds.c.payment_id)
        ).one_or_none()
        recorded = self._connection.execute(
            update(payments)
            .where(payments.c.payment_id == refund.request.payment.payment_id, IS_REFUND_DUE)
            .values(refunded_at=refund.refunded_at, refunded_by=refund.refunded_by)
            .returning(payments.c.payment_id)
        ).one_or_none()
        return made is not None or recorded is not None

    def returned_outside(self, payment_id: UUID) -> int:
        amount: int = self._connection.execute(
            select(func.coalesce(func.sum(refunds.c.amount), 0)).where(
                refunds.c.payment_id == payment_id, refunds.c.returned_outside
            )
        ).scalar_one()
        return int(amount)

    def ask_again(self, payment_id: UUID) -> None:
        row = self._connection.execute(
            # Skipping, not waiting: another process is asking.
            _unmade_of(payment_id).with_for_update(skip_locked=True)
        ).one_or_none()
        if row is not None:
            refund = self._refund(row)
            if refund.status is RefundStatus.REFUSED:
                refund = refund.asked_anew()
            self._connection.execute(
                update(refunds)
                .where(refunds.c.refund_id == row.refund_id)
                .values(next_at=_NOW, **_changing(refund))
            )

    def _add(self, row: Row[Any]) -> None:
        now = self._connection.execute(select(_NOW)).scalar_one()
        self._insert(Refund.of_all(payment_of(row), row.refund_attempts, now))

    def _insert(self, refund: Refund) -> None:
        request = refund.request
        self._connection.execute(
            insert(refunds)
            .values(
                refund_id=request.refund_id,
                payment_id=request.payment.payment_id,
                amount=request.amount,
                refundable_amount=request.refundable_amount,
                currency=request.payment.currency,
                reason=request.reason,
                requested_at=refund.requested_at,
                next_at=refund.requested_at,
                **_changing(refund),
            )
            .on_conflict_do_nothing()
        )

    def _claimed(self, refund: Refund, number: int, lease: timedelta) -> ClaimedRefund:
        is_to_be_sent = refund.may_be_sent
        if is_to_be_sent:
            refund = refund.sent(self._connection.execute(select(_NOW)).scalar_one())
        self._connection.execute(
            update(refunds)
            .where(refunds.c.refund_id == refund.request.refund_id)
            .values(claim_count=number, claimed_until=_NOW + lease, asked_at=_NOW, **_changing(refund))
        )
        return ClaimedRefund(refund, number, is_to_be_sent)

    def _check_free(self, row: Row[Any]) -> None:
        now = self._connection.execute(select(_NOW)).scalar_one()
        if row.claimed_until is not None and row.claimed_until > now:
            seconds = ceil((row.claimed_until - now).total_seconds())
            raise PaymentBusy(
                f"another process is refunding payment {row.payment_id}: repeat this in {seconds} s at most"
            )

    def _refund(self, row: Row[Any]) -> Refund:
        of_payment = select(payments).where(payments.c.payment_id == row.payment_id)
        return refund_of(row, payment_of(self._connection.execute(of_payment).one()))


def _unadopted(limit: int, besides: Collection[UUID] = ()) -> Select[Any]:
    has_one = select(refunds.c.refund_id).where(refunds.c.payment_id == payments.c.payment_id).exists()
    others = [payments.c.payment_id.not_in(besides)] if besides else []
    # In one order, so that two processes or threads don't wait for each other.
    due = select(payments).where(IS_REFUND_DUE, ~has_one, *others)
    return due.order_by(payments.c.payment_id).limit(limit)


def _unmade_of(payment_id: UUID) -> Select[Any]:
    """Of a payment that was taken wrongly, or of the cancellation under way: one at most."""
    return select(refunds).where(
        refunds.c.payment_id == payment_id, refunds.c.status != RefundStatus.REFUNDED.value
    )


def refund_of(row: Row[Any], payment: Payment) -> Refund:
    """The refund in a row with its columns."""
    taken = replace(payment.request, amount=payment.to_return.amount, currency=row.currency)
    return Refund(
        RefundRequest(row.refund_id, taken, row.amount, row.refundable_amount, row.reason, row.attempt),
        row.requested_at,
        RefundStatus(row.status),
        row.may_be_sent,
        row.sent_count,
        row.sent_at,
        row.refused_code,
        row.refunded_at,
        row.refunded_by,
        row.returned_outside,
    )


def _changing(refund: Refund) -> dict[str, Any]:
    return {
        "attempt": refund.request.attempt,
        "idempotency_key": refund.request.idempotency_key,
        "status": refund.status.value,
        "may_be_sent": refund.may_be_sent,
        "sent_count": refund.sent_count,
        "sent_at": refund.sent_at,
        "refused_code": refund.refused_code,
        "refunded_at": refund.refunded_at,
        "refunded_by": refund.refunded_by,
        "returned_outside": refund.returned_outside,
    }


def _why_not_due(payment: Payment) -> str:
    match payment.status:
        case PaymentStatus.REFUND_DUE:
            return f"payment {payment.payment_id} is refunded already"
        case PaymentStatus.APPROVED:
            return (
                f"payment {payment.payment_id} paid for order {payment.request.order_id}, which is completed:"
                f" cancel it, by POST /api/v1/orders/{payment.request.order_id}/cancellations"
            )
        case status:
            return f"payment {payment.payment_id} is {status.value}, so that there is no money to return"
