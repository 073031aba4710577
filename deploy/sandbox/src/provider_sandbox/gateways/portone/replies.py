"""A payment as PortOne shows it: what says nothing is left out, and amounts are in the smallest unit."""

from typing import Any

from provider_sandbox.gateways.money import tax_of
from provider_sandbox.gateways.payment import Cancellation, Payment
from provider_sandbox.gateways.portone.account import MERCHANT_ID, STORE_ID
from provider_sandbox.korean_time import in_utc

_STATUS = {
    # Neither an authenticated payment nor an expired window has a status of its own.
    "READY": "READY",
    "IN_PROGRESS": "READY",
    "EXPIRED": "READY",
    "WAITING_FOR_DEPOSIT": "VIRTUAL_ACCOUNT_ISSUED",
    "DONE": "PAID",
    "ABORTED": "FAILED",
}
_ACCOUNT_SECONDS = 7 * 24 * 3600.0
_METHODS: dict[str, dict[str, Any]] = {
    "CARD": {"type": "PaymentMethodCard", "approvalNumber": "00000000", "pointUsed": False},
    "TRANSFER": {"type": "PaymentMethodTransfer", "bank": "KOOKMIN"},
    "EASY_PAY": {"type": "PaymentMethodEasyPay", "provider": "TOSSPAY"},
    "MOBILE_PHONE": {"type": "PaymentMethodMobile"},
    "VIRTUAL_ACCOUNT": {"type": "PaymentMethodVirtualAccount", "accountNumber": "6505636518308"},
}


def status_of(payment: Payment) -> str:
    """Unlike Toss, PortOne calls a payment cancelled as soon as nothing is left of it."""
    if payment.cancellations:
        return "PARTIAL_CANCELLED" if payment.balance else "CANCELLED"
    return _STATUS[payment.status]


def payment_view(payment: Payment) -> dict[str, Any]:
    changed_at = in_utc(_changed_at(payment))
    return {
        "status": status_of(payment),
        "id": payment.order_id,
        "transactionId": payment.key,
        "merchantId": MERCHANT_ID,
        "storeId": STORE_ID,
        "version": "V2",
        "requestedAt": in_utc(payment.requested_at),
        "updatedAt": changed_at,
        "statusChangedAt": changed_at,
        "orderName": payment.order_name,
        "amount": _amount(payment),
        "currency": payment.currency,
        "customer": {},
        "origin": {"platformType": "PC", "ipAddress": "127.0.0.1"},
        "method": _method(payment),
        "channel": {"type": "TEST", "pgProvider": "TOSSPAYMENTS", "pgMerchantId": "sandbox"},
        **_of_status(payment),
    }


def transaction_view(payment: Payment) -> dict[str, Any]:
    """The same as one attempt in the list of an order's, where the names of its ids differ."""
    view = {name: value for name, value in payment_view(payment).items() if name != "transactionId"}
    return {**view, "id": payment.key, "paymentId": payment.order_id}


def cancellation_view(cancellation: Cancellation) -> dict[str, Any]:
    at = in_utc(cancellation.cancelled_at)
    return {
        "status": "SUCCEEDED",
        "id": cancellation.transaction_key,
        "pgCancellationId": cancellation.transaction_key,
        "totalAmount": cancellation.amount,
        "taxFreeAmount": 0,
        "vatAmount": tax_of(cancellation.amount),
        "reason": cancellation.reason,
        "requestedAt": at,
        "cancelledAt": at,
    }


def confirmed_view(payment: Payment, now: float) -> dict[str, Any]:
    return {"pgTxId": payment.transaction_key, "paidAt": in_utc(payment.approved_at or now)}


def account_closed_view(now: float) -> dict[str, Any]:
    return {"closedAt": in_utc(now)}


def _method(payment: Payment) -> dict[str, Any]:
    method = _METHODS[payment.method]
    if payment.method != "VIRTUAL_ACCOUNT":
        return method
    return {**method, "expiredAt": in_utc(payment.requested_at + _ACCOUNT_SECONDS)}


def _of_status(payment: Payment) -> dict[str, Any]:
    if payment.status == "ABORTED":
        failure = {"reason": "결제에 실패했습니다.", "pgCode": payment.failure_code}
        return {"failedAt": in_utc(payment.failed_at), "failure": failure}
    if payment.approved_at is None:
        return {}
    paid: dict[str, Any] = {
        "paidAt": in_utc(payment.approved_at),
        "pgTxId": payment.transaction_key,
        "disputes": [],
    }
    if not payment.cancellations:
        return paid
    cancellations = [cancellation_view(each) for each in payment.cancellations]
    return {**paid, "cancellations": cancellations, "cancelledAt": cancellations[-1]["cancelledAt"]}


def _amount(payment: Payment) -> dict[str, int]:
    tax = tax_of(payment.amount)
    return {
        "total": payment.amount,
        "taxFree": 0,
        "vat": tax,
        "supply": payment.amount - tax,
        "discount": 0,
        "paid": payment.charged_amount,
        "cancelled": payment.cancelled_amount,
        "cancelledTaxFree": 0,
    }


def _changed_at(payment: Payment) -> float:
    times = [payment.approved_at, payment.failed_at, *(each.cancelled_at for each in payment.cancellations)]
    return max((at for at in times if at is not None), default=payment.requested_at)
