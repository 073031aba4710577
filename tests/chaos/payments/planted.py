"""Faults in payments that the matrix has to find, and all that it has to find."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import text

from order_service.application.look_up_payment import LookUpPayment
from order_service.application.pay_order import PayOrder
from order_service.application.send_payment import SendPayment
from order_service.application.settle_hinted_payments import SettleHintedPayments
from order_service.application.settle_payment import SettlePayment
from order_service.domain.order import Order, OrderStatus
from order_service.domain.payment import Payment, PaymentStatus
from order_service.domain.payment_outcome import Approved, Declined, NeverHappened, Undecided
from order_service.domain.refund_outcome import Refunded
from order_service.gateways.toss import payments as toss_payments
from order_service.gateways.toss.gateway import TossGateway
from order_service.persistence.declined_payments import SqlDeclinedPayments
from order_service.persistence.payments import SqlPayments
from order_service.persistence.products import SqlProducts
from order_service.persistence.refunds import SqlRefunds
from order_service.persistence.unit_of_work import OrderUnitOfWork
from order_service.persistence.unpaid_orders import SqlUnpaidOrders
from order_service.persistence.unsettled_payments import SqlUnsettledPayments
from servicekit.outbox.writer import OutboxWriter
from tests.chaos.payments.planted_in_cancelling import IN_CANCELLING
from tests.chaos.payments.planted_with_coupons import WITH_COUPONS
from tests.chaos.payments.planting import Planted, after

_WELL, _OTHER_CURRENCY = "all is well", "another currency"


def _with_request(method: Any, pay: Any, *command: Any) -> Any:
    request = method(pay, *command)
    return after(request, lambda: pay._gateway.approve(request))  # noqa: SLF001


def _known(answer: Any) -> Any:
    return Declined("UNKNOWN") if isinstance(answer, Undecided) else answer


def _saved_before(complete: Any, settle: Any, work: Any, order: Any, payment: Any) -> Any:
    work.payments.save(payment)
    work.commit()
    return complete(settle, work, order, payment)


def _recorded(claim: Any, refunds: Any, *its: Any) -> Any:
    claimed = claim(refunds, *its)
    if claimed is not None:
        at = claimed.refund.requested_at
        refunds.record(claimed.refund.settled(Refunded(at), "order-worker", at))
    return claimed


def _expired(orders: Any) -> list[Any]:
    unpaid = "status = 'PENDING_PAYMENT' AND expired_at IS NULL"
    orders._connection.execute(text(f"UPDATE orders SET expired_at = clock_timestamp() WHERE {unpaid}"))  # noqa: S608, SLF001
    return []


_late: list[Callable[[], object]] = []

_IN_PAYMENTS: Mapping[str, Planted] = {
    "charges-before-it-stores": Planted(_WELL, "pay 1: after INSERT payment", {
        (PayOrder, "_request"): _with_request,
    }),
    "settles-twice": Planted(_WELL, None, {
        (SettlePayment, "__call__"): lambda settle, *its: after(settle(*its), partial(settle, *its)),
        # Equal, but another object: the guard compares identities.
        (Payment, "settled"): lambda settled, *its: replace(settled(*its)),
        (Order, "completed"):
            lambda _, order, at: replace(order, status=OrderStatus.COMPLETED, completed_at=at),
    }),
    "loses-a-refund": Planted(_OTHER_CURRENCY, None, {
        (Payment, "_charged_otherwise"):
            lambda _, payment, *its: replace(payment, status=PaymentStatus.DECLINED, decline_code="OTHER"),
    }),
    "gives-up-unasked": Planted(_WELL, "pay 2: after POST confirm", {
        (LookUpPayment, "__call__"): lambda *its: NeverHappened(),
    }),
    "approves-unasked": Planted(_WELL, "pay 2: before POST confirm", {
        (LookUpPayment, "__call__"): lambda _, look_up, request, at: Approved(request.requested_at),
    }),
    "forgets-what-is-left": Planted(_WELL, "pay 2: after POST confirm", {
        (SqlUnsettledPayments, "claim"): lambda *its: None,
    }),
    "takes-unknown-for-declined": Planted("confirm cut after", None, {
        (SendPayment, "__call__"): lambda send, *its: _known(send(*its)),
        # Else the look-up of what was declined finds the money, and has it returned.
        (SqlDeclinedPayments, "ask_again"): lambda *its: None,
    }),
    "event-after-its-transaction": Planted(_WELL, "pay 2: after COMMIT", {
        (OutboxWriter, "append"): lambda append, *its: _late.append(partial(append, *its)),
        (OrderUnitOfWork, "commit"):
            lambda commit, work: after(commit(work), *_late, _late.clear, partial(commit, work)),
    }),
    "payment-apart-from-its-order": Planted(_WELL, "pay 2: after COMMIT", {
        (SettlePayment, "_complete"): _saved_before,
    }),
    "stock-apart-from-its-order": Planted(_WELL, "pay 2: after COMMIT", {
        (SqlProducts, "take"):
            lambda take, products, pieces: after(take(products, pieces), products._connection.commit),  # noqa: SLF001
    }),
    "compares-no-amounts": Planted(_OTHER_CURRENCY, None, {
        (toss_payments, "_has_amount"): lambda *its: True,
    }),
    "gives-up-an-hour-early": Planted("look-up lags", None, {
        (TossGateway, "find"): lambda find, toss, request, at: find(toss, request, at + timedelta(hours=1)),
    }),
    "records-a-refund-before-it-is-made": Planted(_OTHER_CURRENCY, "refund 3: before POST cancel", {
        (SqlRefunds, "claim"): _recorded,
    }),
    "leaves-a-refund-to-operators": Planted(_OTHER_CURRENCY, None, {
        (SqlRefunds, "adopt"): lambda *its: None,
    }),
    "believes-webhooks": Planted("lost, reported", None, {
        (SettleHintedPayments, "_settles"): lambda settles, follow, claimed, _: settles(
            follow, claimed, Approved(claimed.at)),
    }),
    "takes-no-stock": Planted(_WELL, None, {
        (SqlProducts, "take"): lambda *its: [],
    }),
    "refunds-what-another-key-has-paid": Planted("refused, another key, reported", None, {
        (SqlPayments, "share_charge"): lambda *its: False,
    }),
    "gives-an-order-up-that-is-being-paid": Planted("expires, unanswered", None, {
        (SqlUnpaidOrders, "expire"): lambda _, orders, *its: _expired(orders),
    }),
    "never-gives-an-order-up": Planted("expires, lost", None, {
        (SqlUnpaidOrders, "expire"): lambda *its: [],
    }),
}  # fmt: skip
PLANTED: Mapping[str, Planted] = {**_IN_PAYMENTS, **IN_CANCELLING, **WITH_COUPONS}
