"""Faults in cancelling paid orders that the matrix has to find."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from order_service.application.cancel_order import CancelOrder
from order_service.domain.payment_outcome import Undecided
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundRefused
from order_service.gateways.toss.api import TossApi
from order_service.gateways.toss.gateway import TossGateway
from order_service.messaging.outgoing_order_cancelled import ORDER_CANCELLED
from order_service.persistence.products import SqlProducts
from order_service.persistence.refunds import SqlRefunds
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.outbox.writer import OutboxWriter
from tests.chaos.payments.planting import Planted, after

_CANCELLED = "cancelled"
_kept: list[Callable[[], object]] = []


def _sent_anew(cancel: Any, api: Any, payment_key: str, body: Mapping[str, Any], key: str) -> Any:
    unlocked = {name: value for name, value in body.items() if name != "refundableAmount"}
    return cancel(api, payment_key, unlocked, f"{key}-{uuid4()}")


def _made(answer: Any, at: Any) -> Any:
    return Refunded(at) if isinstance(answer, RefundRefused | Undecided) else answer


def _refunded(opened: Any, cancel: Any) -> Any:
    cancel._refund._gateway.refund(opened.claimed.refund.request)  # noqa: SLF001
    return opened


IN_CANCELLING: Mapping[str, Planted] = {
    "gives-stock-back-twice": Planted(_CANCELLED, None, {
        (SqlProducts, "give_back"): lambda give, *its: after(give(*its), partial(give, *its)),
    }),
    "gives-no-stock-back": Planted(_CANCELLED, None, {
        (SqlProducts, "give_back"): lambda *its: None,
    }),
    "returns-money-twice": Planted("cancelled in part, unanswered", None, {
        (TossApi, "cancel"): _sent_anew,
        (TossGateway, "find_refund"): lambda *its: NotRefunded(),
    }),
    "cancels-what-the-gateway-refuses": Planted("cancel refused", None, {
        (TossGateway, "refund"): lambda refund, toss, request: _made(
            refund(toss, request), request.payment.requested_at),
    }),
    "cancels-before-the-money-is-returned": Planted("cancel throttled", None, {
        (TossGateway, "refund"): lambda refund, toss, request: _made(
            refund(toss, request), request.payment.requested_at),
    }),
    "forgets-a-cancellation": Planted("cancel cut before", None, {
        (SqlRefunds, "claim"): lambda *its: None,
    }),
    "refunds-before-it-stores": Planted(_CANCELLED, "cancel 1: before COMMIT", {
        (CancelOrder, "_begin"): lambda begin, cancel, *its: _refunded(begin(cancel, *its), cancel),
    }),
    "cancellation's-event-after-its-transaction": Planted(_CANCELLED, "cancel 2: after COMMIT", {
        (OutboxWriter, "append"): lambda append, writer, event: (
            _kept.append(partial(append, writer, event))
            if event.topic == ORDER_CANCELLED.topic else append(writer, event)),
        (OrderUnitOfWork, "commit"):
            lambda commit, work: after(commit(work), *_kept, _kept.clear, partial(commit, work)),
    }),
}  # fmt: skip
