"""The port, spoken by PortOne V2."""

from datetime import datetime, timedelta

import structlog

from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.payment_outcome import (
    Answer,
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
from order_service.gateways.portone import codes
from order_service.gateways.portone.api import PortoneApi
from order_service.gateways.portone.keys import PortoneKey
from order_service.gateways.portone.payments import (
    is_charged,
    is_for_something_else,
    is_of,
    is_of_another_transaction,
    outcome,
    report,
    settled,
)
from order_service.gateways.portone.refunds import refund_outcome, refunded
from order_service.gateways.portone.replies import (
    AccountClosed,
    Cancelled,
    Confirmed,
    NoReply,
    PortoneError,
    PortonePayment,
    PortoneTransaction,
    PortoneTransactions,
)
from order_service.gateways.portone.requests import cancellation, confirmation, sendable

# How long a token lives is up to the provider behind PortOne, which doesn't say. A buyer's session ends there
# after half an hour. The rest is for clocks that differ.
_LAPSES_AFTER = timedelta(minutes=30) + timedelta(minutes=2)
# PortOne works on a confirmation for up to 60 s, also once its client has gone, and shows the payment as
# unpaid until then. Another one would run beside it. The rest is for the way there.
_CONFIRMS_WITHIN = timedelta(seconds=60) + timedelta(seconds=10)
# A bank takes no deposit after its time: all that is left open is whether PortOne would close the account.
_DEPOSIT_IS_LOST_AFTER = timedelta(days=3)

_log = structlog.get_logger(__name__)


class PortoneGateway:
    """Takes what a buyer has authorised in the window of a channel with manual confirmation.

    The order's id is PortOne's paymentId, of which it takes the money once, whatever the transaction, so that
    another attempt is always safe; but a refusal of it says nothing of an earlier one. ``is_test`` says that
    only payments of test channels count.
    """

    name = "portone"

    def __init__(self, api: PortoneApi, store_id: str, *, is_test: bool) -> None:
        self._api = api
        self.accounts = {self.name: store_id}
        self._is_test = is_test
        self._channel = "TEST" if is_test else "LIVE"

    def approve(self, request: PaymentRequest) -> Answer:
        key = sendable(request)
        if not isinstance(key, PortoneKey):
            return key
        body = confirmation(request, key, is_test=self._is_test)
        match self._api.confirm(str(request.order_id), body, request.idempotency_key):
            case Confirmed() | PortoneError(codes.PROVIDER_FAILED):
                # Neither says what was taken, nor whether anything was.
                return self._settled(request)
            case PortoneError(code) if code in codes.REFUSES_PAYMENT and request.attempt == 1:
                return Declined(code)
            case PortoneError(code) if code in codes.REFUSES_US:
                return self._authorised_otherwise(request, code)
        return Undecided()

    def find(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        key = sendable(request)
        if not isinstance(key, PortoneKey):
            return key
        age = asked_at - request.requested_at
        match self._find(request, key, has_lapsed=age > _LAPSES_AFTER):
            case Unpaid() if age < _CONFIRMS_WITHIN:
                return Undecided()
            case AwaitsDeposit(due_at) if asked_at - due_at > _DEPOSIT_IS_LOST_AFTER:
                return Declined("DEPOSIT_OVERDUE")
            case found:
                return found

    def void(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        shown = self._api.payment(str(request.order_id))
        if not (isinstance(shown, PortonePayment) and is_of(shown, request)):
            _check_account(shown)
            return Undecided()
        found = settled(shown, request, self._channel)
        if not isinstance(found, AwaitsDeposit):
            return found
        # Another key each minute: PortOne repeats its first reply to one, its refusals included.
        key = f"{request.payment_id}-void-{asked_at:%Y-%m-%dT%H%M}"
        reply = self._api.close_account(str(request.order_id), key)
        if isinstance(reply, AccountClosed):
            # It refuses that of an account into which the buyer has paid.
            return Declined("ACCOUNT_CLOSED")
        _check_account(reply)
        return Undecided()

    def refund(self, request: RefundRequest) -> Refunded | RefundRefused | Undecided:
        if not request.payment.amount:
            return Refunded(request.payment.requested_at)
        refusal = self._other_payment(request.payment)
        if refusal is not None:
            return refusal
        order_id = str(request.payment.order_id)
        match self._api.cancel(order_id, cancellation(request), request.idempotency_key):
            case Cancelled(cancellation=done):
                return refunded(done, request)
            case PortoneError(code) if code in codes.REFUSES_REFUND and request.attempt == 1:
                return RefundRefused(code)
            case PortoneError(code) if code in codes.REFUSES_REFUND:
                return self._returned_before(request, RefundRefused(code))
            case PortoneError(code) if code in codes.OTHER_BALANCE:
                return self._returned_before(request, Undecided())
            case PortoneError(code) if code in codes.REFUSES_US:
                raise _misconfigured(code)
        return Undecided()

    def find_refund(self, request: RefundRequest) -> RefundOutcome:
        if not request.payment.amount:
            return Refunded(request.payment.requested_at)
        reply = self._api.payment(str(request.payment.order_id))
        if isinstance(reply, PortonePayment):
            return refund_outcome(reply, request)
        _check_account(reply)
        return Undecided()

    def _returned_before(
        self, request: RefundRequest, otherwise: RefundRefused | Undecided
    ) -> Refunded | RefundRefused | Undecided:
        """By an earlier attempt, perhaps. ``otherwise`` is what a refusal means if nothing was returned."""
        found = self.find_refund(request)
        return otherwise if isinstance(found, NotRefunded) else found

    def _find(self, request: PaymentRequest, key: PortoneKey, *, has_lapsed: bool) -> Outcome:
        reply = self._api.payment(str(request.order_id))
        if isinstance(reply, PortonePayment) and is_of(reply, request):
            return outcome(reply, request, self._channel, has_lapsed=has_lapsed)
        if not _excludes(reply, request):
            return _inconclusive(reply)
        # One more question, before a payment is given up whose money may have been taken.
        own = self._own_transaction(request, key)
        if isinstance(own, PortoneTransaction):
            return outcome(own, request, self._channel, has_lapsed=has_lapsed)
        if isinstance(own, NoReply):
            return _inconclusive(own)
        _report_charge(reply, request)
        return NeverHappened() if has_lapsed else Unpaid()

    def _own_transaction(
        self, request: PaymentRequest, key: PortoneKey
    ) -> PortoneTransaction | NoReply | None:
        """None if PortOne says that it has none such."""
        listed = self._api.transactions(str(request.order_id))
        if isinstance(listed, PortoneTransactions):
            own = listed.find(key.transaction_id)
            return NoReply() if isinstance(own, PortoneTransaction) and not is_of(own, request) else own
        _check_account(listed)
        if isinstance(listed, NoReply):
            return listed
        return None if listed == PortoneError(codes.NOT_FOUND) else NoReply()

    def _settled(self, request: PaymentRequest) -> Answer:
        shown = self._api.payment(str(request.order_id))
        if isinstance(shown, PortonePayment) and is_of(shown, request):
            return settled(shown, request, self._channel)
        return Undecided()

    def _authorised_otherwise(self, request: PaymentRequest, code: str) -> Declined:
        """The outcome of a client's mistake; raises GatewayMisconfigured unless it is one for sure."""
        if code == codes.MAY_BE_CLIENTS_FAULT:
            shown = self._api.payment(str(request.order_id))
            if isinstance(shown, PortonePayment) and is_for_something_else(shown, request):
                return Declined(code)
        raise _misconfigured(code)

    def _other_payment(self, request: PaymentRequest) -> RefundRefused | Undecided | None:
        """Why nothing is cancelled: a cancellation names the order, and would return another one's money."""
        shown = self._api.payment(str(request.order_id))
        match shown:
            case PortonePayment() if is_of_another_transaction(shown, request) and is_charged(shown):
                return RefundRefused(codes.NOT_FOUND)
            case PortonePayment() | PortoneError(codes.NOT_FOUND):
                return None
        _check_account(shown)
        return Undecided()


def _inconclusive(reply: PortonePayment | PortoneError | NoReply) -> Undecided:
    """Raises like :func:`_check_account`."""
    _check_account(reply)
    return Unanswered() if isinstance(reply, NoReply) and reply.is_away else Undecided()


def _excludes(reply: PortonePayment | PortoneError | NoReply, request: PaymentRequest) -> bool:
    """Whether PortOne says that the payment key took no money."""
    match reply:
        case PortonePayment():
            return is_of_another_transaction(reply, request)
        case PortoneError(code):
            return code == codes.NOT_FOUND
    return False


def _report_charge(reply: PortonePayment | PortoneError | NoReply, request: PaymentRequest) -> None:
    if isinstance(reply, PortonePayment) and is_charged(reply):
        # Perhaps by a payment that was given up, or without this service.
        report("payment_gateway_took_another_payment", reply, request)


def _check_account(reply: object) -> None:
    """Raises GatewayMisconfigured if PortOne refuses this service."""
    if isinstance(reply, PortoneError) and reply.code in codes.REFUSES_US:
        raise _misconfigured(reply.code)


def _misconfigured(code: str) -> GatewayMisconfigured:
    _log.error("payment_gateway_misconfigured", gateway="portone", code=code)
    return GatewayMisconfigured()
