"""Payments, at most one of them live for an order."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row, Select, and_, func, insert, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import DBAPIError

from order_service.domain.errors import GatewayMisconfigured, PaymentInProgress, PaymentKeyReused
from order_service.domain.money import Money
from order_service.domain.payment import CHARGED, LIVE, Payment, PaymentStatus
from order_service.domain.payment_request import PaymentMethod, PaymentRequest
from order_service.domain.refund import RefundStatus
from order_service.persistence.tables import payment as payments
from order_service.persistence.tables import refund as refunds
from servicekit.db.errors import constraint_name

_ONE_LIVE_PAYMENT = "payment_live_order_key"
_ONE_ORDER_A_KEY = "payment_live_payment_key"
_REAL_MONEY_ONLY = "payment_takes_real_money"
# The only one that the releases had which stored none.
FORMER_GATEWAY = "in-process"
# As its partial index has it.
IS_GONE = and_(payments.c.taken_back_at.is_not(None), payments.c.restored_at.is_(None))
IS_TAKEN_BACK = and_(IS_GONE, payments.c.acknowledged_at.is_(None))
IS_REFUND_DUE = and_(payments.c.status == PaymentStatus.REFUND_DUE.value, payments.c.refunded_at.is_(None))

_log = structlog.get_logger(__name__)
# By what cancellations have returned so far, and by the one that may be returning more.
_TO_RETURN = (
    select(func.coalesce(func.sum(refunds.c.amount), 0))
    .where(refunds.c.payment_id == payments.c.payment_id, ~refunds.c.returned_outside)
    .scalar_subquery()
)
_RETURNED = (
    select(func.coalesce(func.sum(refunds.c.amount), 0))
    .where(
        refunds.c.payment_id == payments.c.payment_id,
        refunds.c.status == RefundStatus.REFUNDED.value,
        ~refunds.c.returned_outside,
    )
    .scalar_subquery()
)
# By cancellations, at the gateway: of this it reports nothing that isn't known.
IS_ALL_RETURNED = payments.c.amount <= _RETURNED
_IS_LIVE = payments.c.status.in_(sorted(status.value for status in LIVE))


class SqlPayments:
    """The payments on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, payment: Payment) -> None:
        """Raises :class:`PaymentInProgress` when the order has a live payment, and :class:`PaymentKeyReused`
        when a live payment of another order has the same key.

        Raises :class:`GatewayMisconfigured` where the shop has used a real gateway, and this one isn't.
        """
        request = payment.request
        try:
            self._connection.execute(
                insert(payments).values(
                    payment_id=request.payment_id,
                    order_id=request.order_id,
                    method=request.method.value,
                    gateway=request.gateway,
                    gateway_account=request.account,
                    payment_key=request.payment_key,
                    amount=request.amount,
                    currency=request.currency,
                    **_changing(payment),
                )
            )
        except DBAPIError as error:
            constraint = constraint_name(error)
            # Callers lock the order first; the index holds even for one that doesn't.
            if constraint == _ONE_LIVE_PAYMENT:
                raise PaymentInProgress from error
            if constraint == _ONE_ORDER_A_KEY:
                raise PaymentKeyReused from error
            if constraint == _REAL_MONEY_ONLY:
                raise _in_process_in_a_shop(request) from error
            raise

    def get(self, payment_id: UUID) -> Payment | None:
        return self._first(select(payments).where(payments.c.payment_id == payment_id))

    def live(self, order_id: UUID) -> Payment | None:
        return self._first(select(payments).where(payments.c.order_id == order_id, _IS_LIVE))

    def latest(self, order_id: UUID) -> Payment | None:
        return self.latest_of([order_id]).get(order_id)

    def latest_of(self, order_ids: Collection[UUID]) -> Mapping[UUID, Payment]:
        # The live one goes first, whatever its age. Not by id, whose time is the host's that made it.
        query = (
            select(payments)
            .where(payments.c.order_id.in_(order_ids))
            .ext(distinct_on(payments.c.order_id))
            .order_by(
                payments.c.order_id,
                _IS_LIVE.desc(),
                payments.c.requested_at.desc(),
                payments.c.payment_id.desc(),
            )
        )
        return {row.order_id: payment_of(row) for row in self._connection.execute(query)}

    def save(self, payment: Payment) -> None:
        self._connection.execute(
            update(payments).where(payments.c.payment_id == payment.payment_id).values(**_changing(payment))
        )

    def share_charge(self, payment: Payment) -> bool:
        request = payment.request
        others = select(payments.c.payment_id).where(
            payments.c.order_id == request.order_id,
            payments.c.payment_id != request.payment_id,
            payments.c.status.in_(sorted(status.value for status in LIVE | CHARGED)),
            func.coalesce(payments.c.gateway, FORMER_GATEWAY) == request.gateway,
            func.split_part(payments.c.payment_key, ":", 1) == request.charge_key,
        )
        return self._connection.execute(select(others.exists())).scalar_one()

    def is_taken_back(self, payment_id: UUID) -> bool:
        query = select(IS_GONE).where(payments.c.payment_id == payment_id)
        return bool(self._connection.execute(query).scalar())

    def record_taken_back(self, payment_id: UUID) -> bool:
        changed = self._connection.execute(
            update(payments)
            .where(
                payments.c.payment_id == payment_id,
                payments.c.status == PaymentStatus.APPROVED.value,
                payments.c.taken_back_at.is_(None),
                payments.c.amount > _TO_RETURN,
            )
            .values(taken_back_at=func.clock_timestamp())
            .returning(payments.c.payment_id)
        )
        return changed.one_or_none() is not None

    def is_gone_again(self, payment_id: UUID) -> bool:
        is_so = and_(payments.c.restored_at.is_not(None), payments.c.amount > _TO_RETURN)
        query = select(is_so).where(payments.c.payment_id == payment_id)
        return bool(self._connection.execute(query).scalar())

    def is_all_returned(self, payment_id: UUID) -> bool:
        query = select(IS_ALL_RETURNED).where(payments.c.payment_id == payment_id)
        return bool(self._connection.execute(query).scalar())

    def record_restored(self, payment_id: UUID) -> bool:
        changed = self._connection.execute(
            update(payments)
            .where(
                payments.c.payment_id == payment_id,
                payments.c.status == PaymentStatus.APPROVED.value,
                IS_GONE,
                payments.c.amount > _RETURNED,
            )
            .values(restored_at=func.clock_timestamp())
            .returning(payments.c.payment_id)
        )
        return changed.one_or_none() is not None

    def _first(self, query: Select[Any]) -> Payment | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else payment_of(row)


def _changing(payment: Payment) -> dict[str, Any]:
    # Amount, method, gateway and payment key are missing: no attempt may charge anything but what the first
    # one did, nor anywhere else.
    request, charged = payment.request, payment.charged
    return {
        "status": payment.status.value,
        "attempt": request.attempt,
        "requested_at": request.requested_at,
        "approved_at": payment.approved_at,
        "decline_code": payment.decline_code,
        # The database refuses an outcome without it, as of a process that knows one gateway only.
        "decided_by": None if payment.is_unsettled else request.gateway,
        "charged_amount": None if charged is None else charged.amount,
        "charged_currency": None if charged is None else charged.currency,
        "deposit_due_at": payment.deposit_due_at,
    }


def _in_process_in_a_shop(request: PaymentRequest) -> GatewayMisconfigured:
    _log.error(
        "payment_gateway_takes_no_real_money",
        gateway=request.gateway,
        order_id=str(request.order_id),
        advice="this shop has used a real gateway: set PAYMENT_GATEWAY of this process to it",
    )
    return GatewayMisconfigured()


def payment_of(row: Row[Any]) -> Payment:
    """The payment in a row with its columns."""
    request = PaymentRequest(
        payment_id=row.payment_id,
        order_id=row.order_id,
        method=PaymentMethod(row.method),
        gateway=row.gateway or FORMER_GATEWAY,
        account=row.gateway_account,
        payment_key=row.payment_key,
        amount=row.amount,
        currency=row.currency,
        attempt=row.attempt,
        requested_at=row.requested_at,
    )
    charged = None if row.charged_amount is None else Money(row.charged_amount, row.charged_currency)
    status = PaymentStatus(row.status)
    return Payment(request, status, row.approved_at, row.decline_code, charged, row.deposit_due_at)
