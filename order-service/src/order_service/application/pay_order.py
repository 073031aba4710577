"""Paying for an order, without ever charging twice.

1. In one transaction the payment is stored as REQUESTED, under the client's idempotency key.
2. The gateway is called outside of any transaction: it may take a minute, and can't be rolled back.
3. In one transaction the answer is recorded (:mod:`order_service.application.settle_payment`).

If anything fails in between, the stored payment shows that the gateway may have charged. The next request,
with the same key or another one, asks the gateway what became of it before anything is sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from order_service.application.look_up_payment import LookUpPayment
from order_service.application.ports import PaymentGateway, UnitOfWork, UnitOfWorkFactory
from order_service.application.send_payment import SendPayment
from order_service.application.settle_payment import SettlePayment, lock_payment
from order_service.domain.errors import (
    OrderError,
    OrderNotFound,
    PaymentAbandoned,
    PaymentDeclined,
    PaymentGatewayBusy,
    PaymentInProgress,
    PaymentKeyReused,
    PaymentOutcomeUnknown,
    PaymentRefundDue,
    ProductSoldOut,
)
from order_service.domain.order import Order
from order_service.domain.payment import Payment, PaymentStatus
from order_service.domain.payment_outcome import NeverHappened, Outcome, Undecided, Unpaid
from order_service.domain.payment_request import PaymentMethod, PaymentRequest
from servicekit.idempotency.key import Answer, IdempotencyKey
from servicekit.identifiers import uuid7
from servicekit.outbound.turns import Turns


@dataclass(frozen=True, slots=True)
class PayOrderCommand:
    """What the client wants to pay, and with what."""

    order_id: UUID
    method: PaymentMethod
    payment_key: str
    amount: int
    idempotency_key: IdempotencyKey | None = None


class _Origin(Enum):
    NEW = "stored just now, not sent yet"
    SAME_KEY = "begun by an earlier request with the same key"
    OTHER_REQUEST = "begun by another request, and not known to have failed"


@dataclass(frozen=True, slots=True)
class _Opened:
    """A payment as it was at ``at``; ``at_seconds`` is no later, by the clock of this host."""

    origin: _Origin
    payment: Payment
    at: datetime
    at_seconds: float = 0.0


class PayOrder:
    """Charges an order's total and completes the order.

    ``in_progress_limit`` is how long a payment counts as being worked on, by the database's clock; the
    gateway's calls take less. ``turns`` are for these: without one nothing is stored, and nobody asked.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        gateway: PaymentGateway,
        send: SendPayment,
        settle: SettlePayment,
        in_progress_limit: timedelta,
        turns: Turns,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._gateway = gateway
        self._send = send
        self._look_up = LookUpPayment(gateway)
        self._settle = settle
        self._in_progress_limit = in_progress_limit
        self._turns = turns

    def __call__(self, command: PayOrderCommand) -> Answer[Payment]:
        """The approved payment; everything else is an :class:`~order_service.domain.errors.OrderError`."""
        # Before the transaction, which must not last as long as the wait for a turn.
        with self._turns.one() as may_ask:
            return self._pay(command, may_ask=may_ask)

    def _pay(self, command: PayOrderCommand, *, may_ask: bool) -> Answer[Payment]:
        opened = self._open(command, may_ask=may_ask)
        if not may_ask and (opened.origin is _Origin.OTHER_REQUEST or opened.payment.is_unsettled):
            raise PaymentGatewayBusy
        if opened.origin is _Origin.OTHER_REQUEST:
            self._clear(opened)
            opened = self._open(command, may_ask=may_ask)
        payment = opened.payment
        if opened.origin is _Origin.OTHER_REQUEST:
            # The gateway doesn't know the outcome yet, or a third request was faster.
            raise PaymentInProgress
        if opened.origin is _Origin.NEW:
            return _answer(self._sent(opened))
        if payment.is_unsettled and command.idempotency_key is not None:
            return _answer(self._resume(opened, command.idempotency_key))
        return _answer(payment, is_replay=True)

    def _open(self, command: PayOrderCommand, *, may_ask: bool) -> _Opened:
        payment_id = uuid7()
        with self._unit_of_work() as unit_of_work:
            # Before the checks: a repeated request gets its payment even if the order is completed by now.
            if command.idempotency_key is not None:
                earlier = unit_of_work.idempotency_keys.claim(
                    command.idempotency_key, {"paymentId": str(payment_id)}
                )
                if earlier is not None:
                    stored = _stored(unit_of_work, UUID(earlier["paymentId"]))
                    return _Opened(_Origin.SAME_KEY, stored, unit_of_work.now())
            # Before the look-up of a live payment: otherwise two requests could both find none.
            order = unit_of_work.orders.lock(command.order_id)
            if order is None:
                # Raising rolls the key back too: nothing was stored, and the client may send it again.
                raise OrderNotFound
            order.check_payable(command.amount)
            live = unit_of_work.payments.live(command.order_id)
            if live is not None:
                # Not committed: the key stays free for the second try.
                return _Opened(_Origin.OTHER_REQUEST, live, unit_of_work.now())
            if not may_ask:
                raise PaymentGatewayBusy
            _check_stock(unit_of_work, order)
            now_seconds, now = self._send.clock_seconds(), unit_of_work.now()
            payment = Payment.requested(self._request(payment_id, command, order.currency, now))
            if unit_of_work.payments.share_charge(payment):
                # The gateway would show that charge, whose money is to be returned, as this payment's.
                raise PaymentKeyReused
            unit_of_work.payments.add(payment)
            # Before the gateway is called: after a crash, only this row shows that it may have charged.
            unit_of_work.commit()
        return _Opened(_Origin.NEW, payment, now, now_seconds)

    def _request(
        self, payment_id: UUID, command: PayOrderCommand, currency: str, at: datetime
    ) -> PaymentRequest:
        return PaymentRequest(
            payment_id=payment_id,
            order_id=command.order_id,
            method=command.method,
            gateway=self._gateway.name,
            account=self._gateway.accounts[self._gateway.name],
            payment_key=command.payment_key,
            amount=command.amount,
            currency=currency,
            attempt=1,
            requested_at=at,
        )

    def _clear(self, opened: _Opened) -> None:
        """Find out how another request's payment ended, so that it no longer blocks this one."""
        if self._is_in_progress(opened):
            # The attempt may still be on its way to the gateway, where a look-up would not find it yet.
            raise PaymentInProgress
        self._settle(opened.payment.request, self._found(opened))

    def _resume(self, opened: _Opened, key: IdempotencyKey) -> Payment:
        """Carry on with a payment whose first request got no answer, or is still waiting for one."""
        payment = opened.payment
        # Never approve first: the lost attempt may have charged, and the next one has a new key there.
        outcome = self._found(opened)
        if isinstance(outcome, NeverHappened | Undecided) and self._is_in_progress(opened):
            # The earlier request still waits for its answer, and settles the payment itself.
            return payment
        if isinstance(outcome, NeverHappened | Unpaid):
            claimed = self._claim_next_attempt(payment, key)
            if claimed is not None:
                return self._sent(claimed)
        return self._settle(payment.request, outcome)

    def _found(self, opened: _Opened) -> Outcome:
        with self._unit_of_work() as unit_of_work:
            if not unit_of_work.unsettled_payments.claim_one(opened.payment.payment_id):
                # Another process has just asked. Clients that repeat at once must not flood the gateway.
                raise PaymentInProgress
            unit_of_work.commit()
        with self._turns.calling():
            return self._look_up(opened.payment.request, opened.at)

    def _sent(self, opened: _Opened) -> Payment:
        request = opened.payment.request
        with self._turns.calling():
            outcome = self._send(request, opened.at_seconds)
        return self._settle(request, outcome, is_reply=True)

    def _claim_next_attempt(self, payment: Payment, key: IdempotencyKey) -> _Opened | None:
        """None where it comes too late."""
        with self._unit_of_work() as unit_of_work:
            order, current = lock_payment(unit_of_work, payment.request)
            if current != payment:
                # Another process has claimed the next attempt, or settled this one.
                raise PaymentInProgress
            _check_stock(unit_of_work, order)
            now_seconds, now = self._send.clock_seconds(), unit_of_work.now()
            if not current.may_be_sent_again(unit_of_work.idempotency_keys.first_used_at(key), now):
                return None
            claimed = current.next_attempt(now)
            unit_of_work.payments.save(claimed)
            # Before it is sent, so that a late answer to the former attempt can't decide this one.
            unit_of_work.commit()
        return _Opened(_Origin.SAME_KEY, claimed, now, now_seconds)

    def _is_in_progress(self, opened: _Opened) -> bool:
        return opened.payment.is_in_progress(opened.at, self._in_progress_limit)


def _check_stock(unit_of_work: UnitOfWork, order: Order) -> None:
    # Only so that nobody is charged in vain: what is left now may be taken until the payment is approved.
    sold_out = unit_of_work.products.sold_out(order.stock_to_take)
    if sold_out:
        raise ProductSoldOut(f"the shop has too few of {', '.join(sold_out)}; nothing was charged")


def _stored(unit_of_work: UnitOfWork, payment_id: UUID) -> Payment:
    payment = unit_of_work.payments.get(payment_id)
    if payment is None:
        raise OrderNotFound
    return payment


_REFUSALS: Mapping[PaymentStatus, type[OrderError]] = {
    PaymentStatus.DECLINED: PaymentDeclined,
    PaymentStatus.UNKNOWN: PaymentOutcomeUnknown,
    PaymentStatus.REQUESTED: PaymentInProgress,
    PaymentStatus.ABANDONED: PaymentAbandoned,
    PaymentStatus.REFUND_DUE: PaymentRefundDue,
}


def _answer(payment: Payment, *, is_replay: bool = False) -> Answer[Payment]:
    if payment.status is not PaymentStatus.APPROVED:
        raise _REFUSALS[payment.status](is_replay=is_replay)
    return Answer(payment, is_replay)
