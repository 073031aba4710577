"""The port, spoken by Toss Payments."""

from datetime import datetime, timedelta
from typing import Any

import structlog

from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.payment_outcome import (
    Answer,
    Approved,
    AwaitsDeposit,
    Declined,
    NeverHappened,
    Outcome,
    Unanswered,
    Undecided,
    Unpaid,
)
from order_service.domain.payment_request import PaymentRequest
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundOutcome, RefundRefused
from order_service.domain.refund_request import RefundRequest
from order_service.gateways.refund_reasons import reason_of
from order_service.gateways.toss import codes
from order_service.gateways.toss.amounts import CURRENCIES, toss_amount
from order_service.gateways.toss.api import TossApi
from order_service.gateways.toss.payments import approval, is_for_something_else, is_of, outcome
from order_service.gateways.toss.refunds import refund_outcome
from order_service.gateways.toss.replies import NoReply, Reply, TossError, TossPayment

# A buyer's authorisation ends 10 minutes after it was given, which was before the payment was requested; from
# then on Toss refuses to take the money. The rest is for clocks that differ.
_LAPSES_AFTER = timedelta(minutes=10) + timedelta(minutes=2)
# Toss works on a confirmation for up to 60 s, also once its client has gone, and shows the payment as unpaid
# until then. Another one, with its own idempotency key, would run beside it. The rest is for the way there.
_CONFIRMS_WITHIN = timedelta(seconds=60) + timedelta(seconds=10)
# A bank takes no deposit after its time, and all that is left open is whether Toss would cancel the account.
_DEPOSIT_IS_LOST_AFTER = timedelta(days=3)
_UNKNOWN_CURRENCY = Declined("CURRENCY_NOT_SUPPORTED")
_VOID_REASON = "입금 기한 만료"

_log = structlog.get_logger(__name__)


class TossGateway:
    """Takes what a buyer has authorised in Toss's window, whose paymentKey is the payment key.

    Toss takes a paymentKey's money once, whatever the idempotency keys, so that another attempt is always
    safe; but a refusal of it says nothing of an earlier one.
    """

    name = "toss"

    def __init__(self, api: TossApi, account: str) -> None:
        self._api = api
        self.accounts = {self.name: account}

    def approve(self, request: PaymentRequest) -> Answer:
        if not request.amount:
            return _nothing_taken(request)
        if request.currency not in CURRENCIES:
            return _UNKNOWN_CURRENCY
        match self._api.confirm(_confirmation(request), request.idempotency_key):
            case TossPayment() as payment:
                return approval(payment, request)
            case TossError(code) if code in codes.REFUSES_PAYMENT and request.attempt == 1:
                return Declined(code)
            case TossError(code) if code in codes.REFUSES_US:
                return self._authorised_otherwise(request, code)
        return Undecided()

    def find(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        if not request.amount:
            return _nothing_taken(request)
        if request.currency not in CURRENCIES:
            # Nothing was sent.
            return _UNKNOWN_CURRENCY
        age = asked_at - request.requested_at
        match self._find(request, has_lapsed=age > _LAPSES_AFTER):
            case Unpaid() if age < _CONFIRMS_WITHIN:
                return Undecided()
            case AwaitsDeposit(due_at) if asked_at - due_at > _DEPOSIT_IS_LOST_AFTER:
                return Declined("DEPOSIT_OVERDUE")
            case found:
                return found

    def void(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        # Toss refuses to cancel what was paid in the meantime without an account to return the money to.
        reply = self._api.void(
            request.payment_key,
            {"cancelReason": _VOID_REASON},
            # Another one each minute: Toss repeats its first reply to a key, its refusals included.
            f"{request.payment_id}-void-{asked_at:%Y-%m-%dT%H%M}",
        )
        if isinstance(reply, TossPayment):
            return approval(reply, request)
        _check_account(reply)
        return Undecided()

    def refund(self, request: RefundRequest) -> Refunded | RefundRefused | Undecided:
        if not request.payment.amount:
            return Refunded(request.payment.requested_at)
        reply = self._api.cancel(request.payment.payment_key, _cancellation(request), request.idempotency_key)
        match reply:
            case TossPayment():
                found = refund_outcome(reply, request)
                return found if isinstance(found, Refunded) else Undecided()
            case TossError(code) if code in codes.REFUSES_REFUND and request.attempt == 1:
                return RefundRefused(code)
            case TossError(code) if code in codes.REFUSES_REFUND:
                return self._returned_before(request, RefundRefused(code))
            case TossError(code) if code in codes.OTHER_BALANCE:
                return self._returned_before(request, Undecided())
            case TossError(code) if code in codes.REFUSES_US:
                raise _misconfigured(code)
        return Undecided()

    def find_refund(self, request: RefundRequest) -> RefundOutcome:
        if not request.payment.amount:
            return Refunded(request.payment.requested_at)
        reply = self._api.payment(request.payment.payment_key)
        if isinstance(reply, TossPayment):
            return refund_outcome(reply, request)
        _check_account(reply)
        return Undecided()

    def _returned_before(
        self, request: RefundRequest, otherwise: RefundRefused | Undecided
    ) -> Refunded | RefundRefused | Undecided:
        """By an earlier attempt, perhaps. ``otherwise`` is what a refusal means if nothing was returned."""
        found = self.find_refund(request)
        return otherwise if isinstance(found, NotRefunded) else found

    def _find(self, request: PaymentRequest, *, has_lapsed: bool) -> Outcome:
        reply = self._api.payment(request.payment_key)
        if isinstance(reply, TossPayment) and is_of(reply, request):
            return outcome(reply, request, has_lapsed=has_lapsed)
        if not has_lapsed or not _excludes(reply, request):
            return _inconclusive(reply)
        # One more question, before a payment is given up whose money may have been taken.
        of_order = self._api.payment_of_order(str(request.order_id))
        match of_order:
            case TossPayment() if is_of(of_order, request):
                return outcome(of_order, request, has_lapsed=True)
            case TossPayment(order_id=order_id) if order_id == str(request.order_id):
                # Another payment of the order, which has a key of its own.
                return NeverHappened()
            case _ if _is_not_found(of_order):
                return NeverHappened()
        return _inconclusive(of_order)

    def _authorised_otherwise(self, request: PaymentRequest, code: str) -> Declined:
        """The outcome of a client's mistake; raises GatewayMisconfigured unless it is one for sure."""
        if code in codes.MAY_BE_CLIENTS_FAULT:
            found = self._api.payment(request.payment_key)
            if isinstance(found, TossPayment) and is_for_something_else(found, request):
                return Declined(code)
        raise _misconfigured(code)


def _nothing_taken(request: PaymentRequest) -> Approved:
    # Toss confirms no payment of 0, which its window doesn't offer either.
    return Approved(request.requested_at)


def _confirmation(request: PaymentRequest) -> dict[str, Any]:
    return {
        "paymentKey": request.payment_key,
        "orderId": str(request.order_id),
        "amount": toss_amount(request.amount, request.currency),
    }


def _cancellation(request: RefundRequest) -> dict[str, Any]:
    currency = request.payment.currency
    body: dict[str, Any] = {
        "cancelReason": reason_of(request),
        "refundableAmount": toss_amount(request.refundable_amount, currency),
        "currency": currency,
    }
    # Some means of payment refuse any amount, also the whole one.
    if request.remaining_amount:
        body["cancelAmount"] = toss_amount(request.amount, currency)
    return body


def _excludes(reply: Reply, request: PaymentRequest) -> bool:
    """Whether Toss says that the payment key has no payment of the order."""
    match reply:
        case TossPayment(payment_key=payment_key, order_id=order_id):
            return payment_key == request.payment_key and order_id != str(request.order_id)
        case TossError(code):
            return code in codes.EXCLUDES_PAYMENT
    return False


def _inconclusive(reply: Reply) -> Undecided:
    """Raises like :func:`_check_account`."""
    if isinstance(reply, NoReply) and reply.is_away:
        return Unanswered()
    _check_account(reply)
    return Unpaid() if _is_not_found(reply) else Undecided()


def _is_not_found(reply: Reply) -> bool:
    return isinstance(reply, TossError) and reply.code in codes.NOT_FOUND


def _check_account(reply: Reply) -> None:
    """Raises GatewayMisconfigured if Toss refuses this service, whatever it asks; where it may, logs it."""
    if isinstance(reply, TossError) and reply.code in codes.REFUSES_US:
        misconfigured = _misconfigured(reply.code)
        if reply.code not in codes.MAY_BE_CLIENTS_FAULT:
            raise misconfigured


def _misconfigured(code: str) -> GatewayMisconfigured:
    _log.error("payment_gateway_misconfigured", gateway="toss", code=code)
    return GatewayMisconfigured()
