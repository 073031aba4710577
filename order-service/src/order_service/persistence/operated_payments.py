"""Payments as operators list them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, update

from order_service.domain.payment import Payment, PaymentStatus
from order_service.domain.payment_history import OperatedPayment
from order_service.domain.payment_selection import PaymentSelection, PaymentState
from order_service.domain.refund import RefundStatus
from order_service.persistence.payments import FORMER_GATEWAY, IS_REFUND_DUE, IS_TAKEN_BACK, payment_of
from order_service.persistence.refunds import refund_of
from order_service.persistence.tables import payment as payments
from order_service.persistence.tables import refund as refunds


def _has_refund(*states: RefundStatus) -> ColumnElement[bool]:
    return (
        select(refunds.c.refund_id)
        .where(
            refunds.c.payment_id == payments.c.payment_id,
            refunds.c.status.in_(sorted(state.value for state in states)),
        )
        .exists()
    )


# A payment that was taken wrongly has no refund before a worker has seen it. Of one that paid for an order
# each cancellation has one.
_IS_APPROVED = payments.c.status == PaymentStatus.APPROVED.value
_IS_REFUNDED = and_(payments.c.status == PaymentStatus.REFUND_DUE.value, payments.c.refunded_at.is_not(None))
_STATES: Mapping[PaymentState, ColumnElement[bool]] = {
    PaymentState.REFUND_DUE: or_(
        IS_REFUND_DUE, and_(_IS_APPROVED, _has_refund(RefundStatus.DUE, RefundStatus.REFUSED))
    ),
    PaymentState.REFUND_REFUSED: and_(or_(IS_REFUND_DUE, _IS_APPROVED), _has_refund(RefundStatus.REFUSED)),
    PaymentState.REFUNDED: or_(_IS_REFUNDED, and_(_IS_APPROVED, _has_refund(RefundStatus.REFUNDED))),
    PaymentState.TAKEN_BACK: IS_TAKEN_BACK,
}


class SqlOperatedPayments:
    """The payments on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(
        self, selection: PaymentSelection, limit: int, before: UUID | None = None
    ) -> list[OperatedPayment]:
        query = select(payments).where(*_conditions(selection))
        if before is not None:
            query = query.where(payments.c.payment_id < before)
        # Ids begin with the time.
        rows = self._connection.execute(query.order_by(payments.c.payment_id.desc()).limit(limit)).all()
        return self._operated(rows)

    def count(self, selection: PaymentSelection) -> int:
        query = select(func.count()).select_from(payments).where(*_conditions(selection))
        return int(self._connection.execute(query).scalar_one())

    def get(self, payment_id: UUID) -> OperatedPayment | None:
        rows = self._connection.execute(select(payments).where(payments.c.payment_id == payment_id)).all()
        return next(iter(self._operated(rows)), None)

    def acknowledge_taken_back(self, payment_id: UUID) -> bool:
        acknowledged = self._connection.execute(
            update(payments)
            .where(payments.c.payment_id == payment_id, IS_TAKEN_BACK)
            .values(acknowledged_at=func.clock_timestamp())
            .returning(payments.c.payment_id)
        )
        return acknowledged.one_or_none() is not None

    def _operated(self, rows: list[Row[Any]] | Any) -> list[OperatedPayment]:
        found = {row.payment_id: (row, payment_of(row)) for row in rows}
        of_these = select(refunds).where(refunds.c.payment_id.in_(found)).order_by(refunds.c.requested_at)
        refund_rows: defaultdict[UUID, list[Row[Any]]] = defaultdict(list)
        for refund in self._connection.execute(of_these):
            refund_rows[refund.payment_id].append(refund)
        return [_one(row, payment, refund_rows[payment_id]) for payment_id, (row, payment) in found.items()]


def _one(row: Row[Any], payment: Payment, of_it: Sequence[Row[Any]]) -> OperatedPayment:
    found = [refund_of(refund, payment) for refund in of_it]
    return OperatedPayment(
        payment,
        row.looked_up_at,
        row.refunded_at,
        row.refunded_by,
        found,
        row.taken_back_at,
        row.restored_at,
        row.acknowledged_at,
    )


def _conditions(selection: PaymentSelection) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if selection.state is not None:
        plain = payments.c.status == selection.state.value
        conditions.append(_STATES.get(selection.state, plain))
    if selection.gateway is not None:
        conditions.append(func.coalesce(payments.c.gateway, FORMER_GATEWAY) == selection.gateway)
    if selection.order_id is not None:
        conditions.append(payments.c.order_id == selection.order_id)
    return conditions
