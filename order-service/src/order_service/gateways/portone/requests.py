"""What PortOne is asked for."""

from typing import Any

from order_service.domain.payment_outcome import Approved, Declined
from order_service.domain.payment_request import PaymentRequest
from order_service.domain.refund_request import RefundRequest
from order_service.gateways.portone.keys import PortoneKey
from order_service.gateways.refund_reasons import reason_of

# PortOne takes others, too. Of these it is known that both count the same smallest unit.
CURRENCIES = frozenset({"KRW", "JPY", "USD"})


def sendable(request: PaymentRequest) -> PortoneKey | Approved | Declined:
    """The request's key; of a payment that PortOne is never asked about, the outcome."""
    if not request.amount:
        # PortOne confirms no payment of 0.
        return Approved(request.requested_at)
    if request.currency not in CURRENCIES:
        return Declined("CURRENCY_NOT_SUPPORTED")
    return PortoneKey.read(request.payment_key) or Declined("PAYMENT_KEY_INVALID")


def confirmation(request: PaymentRequest, key: PortoneKey, *, is_test: bool) -> dict[str, Any]:
    """PortOne compares all but the token, and refuses what differs."""
    return {
        "paymentToken": key.payment_token,
        "txId": key.transaction_id,
        "currency": request.currency,
        "totalAmount": request.amount,
        "isTest": is_test,
    }


def cancellation(request: RefundRequest) -> dict[str, Any]:
    """The amount that is left is compared; without an amount, all of it is cancelled."""
    body: dict[str, Any] = {
        "reason": reason_of(request),
        "currentCancellableAmount": request.refundable_amount,
    }
    # Some means of payment refuse any amount, also the whole one.
    if request.remaining_amount:
        body["amount"] = request.amount
    return body
