"""Recording the gateway's answer: payment, order, stock and event commit together or not at all."""

import structlog

from order_service.application.ports import CompletionEvent, UnitOfWork, UnitOfWorkFactory
from order_service.domain.errors import OrderNotFound
from order_service.domain.order import Order, OrderStatus
from order_service.domain.payment import LIVE, Payment, PaymentStatus
from order_service.domain.payment_outcome import Outcome
from order_service.domain.payment_request import PaymentRequest

_log = structlog.get_logger(__name__)


class SettlePayment:
    """Moves a payment to where the gateway's answer puts it.

    An approval, the completed order, the stock that it takes and its event are one commit. Without the stock
    the order stays as it is, and the money has to be returned. Doing it again, or in two processes at
    once, changes nothing more: an order is completed once and has one event.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, completion_event: CompletionEvent) -> None:
        self._unit_of_work = unit_of_work
        self._completion_event = completion_event

    def __call__(
        self,
        request: PaymentRequest,
        outcome: Outcome,
        operation_number: int | None = None,
        *,
        is_reply: bool = False,
    ) -> Payment:
        """The payment as it is after ``request`` turned out as ``outcome``.

        The operator's operation with this number, if any, ends in the same commit. Where ``is_reply`` says
        that this answers the attempt, and isn't what the gateway shows of it, a refusal is asked about again.
        """
        with self._unit_of_work() as unit_of_work:
            order, before = lock_payment(unit_of_work, request)
            after = before.settled(request.attempt, outcome)
            if before.status not in LIVE and unit_of_work.payments.share_charge(before):
                # A key that was refused first may be confirmed later: what was taken is the other payment's.
                after = before
            if operation_number is not None:
                said = f"{after.status.value}, answer: {type(outcome).__name__}"
                unit_of_work.payment_operations.end(operation_number, said)
            if after is before:
                if operation_number is not None:
                    unit_of_work.commit()
                # Settled earlier, perhaps by another process: a second event must not be written.
                return before
            if after.status is PaymentStatus.APPROVED:
                after = self._complete(unit_of_work, order, after)
            unit_of_work.payments.save(after)
            if is_reply and after.status is PaymentStatus.DECLINED:
                unit_of_work.declined_payments.ask_again(after.payment_id)
            unit_of_work.commit()
        # After the commit: the log must not report what was rolled back.
        _report(after)
        return after

    def _complete(self, unit_of_work: UnitOfWork, order: Order, payment: Payment) -> Payment:
        """The payment as it is with the order completed, or without where that can't be."""
        if order.status is OrderStatus.EXPIRED:
            return payment.without_an_order()
        lacking = unit_of_work.products.take(order.stock_to_take)
        if lacking:
            _log.warning("order_lacks_stock", order_id=str(order.order_id), product_ids=list(lacking))
            return payment.without_an_order()
        completed = order.completed(unit_of_work.now())
        unit_of_work.orders.complete(completed)
        unit_of_work.outbox.append(self._completion_event(completed, payment))
        return payment


def lock_payment(unit_of_work: UnitOfWork, request: PaymentRequest) -> tuple[Order, Payment]:
    """The request's order, held until the transaction ends, and its payment as it is now."""
    # The order's lock covers its payments, so a payment is read only after it.
    order = unit_of_work.orders.lock(request.order_id)
    payment = unit_of_work.payments.get(request.payment_id)
    if order is None or payment is None:
        raise OrderNotFound
    return order, payment


def _report(payment: Payment) -> None:
    log = _log.bind(order_id=str(payment.request.order_id), payment_id=str(payment.payment_id))
    if payment.status is PaymentStatus.REFUND_DUE:
        # The worker returns the money; but something took it that should not have.
        log.warning("payment_refund_due")
    else:
        log.info("payment_settled", status=payment.status.value)
