"""A payment as Toss shows it: every field is there, null where it says nothing."""

from typing import Any

from provider_sandbox.gateways.money import tax_of, to_number
from provider_sandbox.gateways.payment import Cancellation, Payment
from provider_sandbox.gateways.toss.account import API_VERSION, MERCHANT_ID
from provider_sandbox.gateways.toss.codes import message_of
from provider_sandbox.korean_time import in_seoul

METHODS = {
    "CARD": "카드",
    "TRANSFER": "계좌이체",
    "EASY_PAY": "간편결제",
    "MOBILE_PHONE": "휴대폰",
    "VIRTUAL_ACCOUNT": "가상계좌",
}
_ACCOUNT_SECONDS = 7 * 24 * 3600.0


def time_of(epoch: float | None) -> str | None:
    """Whole seconds of Seoul with its offset."""
    return None if epoch is None else in_seoul(epoch).isoformat(timespec="seconds")


def payment_view(payment: Payment) -> dict[str, Any]:
    number = {
        name: to_number(amount, payment.currency)
        for name, amount in {
            "totalAmount": payment.amount,
            "balanceAmount": payment.balance,
            "suppliedAmount": payment.balance - tax_of(payment.balance),
            "vat": tax_of(payment.balance),
        }.items()
    }
    return {
        "mId": MERCHANT_ID,
        "version": API_VERSION,
        "paymentKey": payment.key,
        "type": "NORMAL",
        "orderId": payment.order_id,
        "orderName": payment.order_name,
        "country": "KR",
        "currency": payment.currency,
        "method": METHODS[payment.method],
        "status": payment.status,
        "requestedAt": time_of(payment.requested_at),
        "approvedAt": time_of(payment.approved_at),
        "lastTransactionKey": payment.transaction_key,
        **number,
        "taxFreeAmount": 0,
        "taxExemptionAmount": 0,
        "useEscrow": False,
        "cultureExpense": False,
        "isPartialCancelable": True,
        **_method_objects(payment),
        "discount": None,
        "cashReceipt": None,
        "cashReceipts": None,
        "receipt": None,
        "checkout": None,
        "metadata": None,
        "failure": _failure(payment),
        "secret": payment.secret,
        "cancels": [cancel_view(payment, each) for each in payment.cancellations] or None,
    }


def cancel_view(payment: Payment, cancellation: Cancellation) -> dict[str, Any]:
    return {
        "cancelAmount": to_number(cancellation.amount, payment.currency),
        "cancelReason": cancellation.reason,
        "taxFreeAmount": 0,
        "taxExemptionAmount": 0,
        "refundableAmount": to_number(cancellation.remaining, payment.currency),
        "cardDiscountAmount": 0,
        "transferDiscountAmount": 0,
        "easyPayDiscountAmount": 0,
        "canceledAt": time_of(cancellation.cancelled_at),
        "transactionKey": cancellation.transaction_key,
        "receiptKey": None,
        "cancelStatus": "DONE",
        "cancelRequestId": None,
    }


def _failure(payment: Payment) -> dict[str, str] | None:
    code = payment.failure_code
    return None if code is None else {"code": code, "message": message_of(code)}


def _method_objects(payment: Payment) -> dict[str, Any]:
    amount = to_number(payment.amount, payment.currency)
    used: dict[str, Any]
    match payment.method:
        case "CARD":
            used = {"card": _card(amount, is_cancelled=payment.status == "CANCELED")}
        case "TRANSFER":
            used = {"transfer": {"bankCode": "20", "settlementStatus": "INCOMPLETED"}}
        case "EASY_PAY":
            used = {"easyPay": {"provider": "토스페이", "amount": amount, "discountAmount": 0}}
        case "MOBILE_PHONE":
            used = {
                "mobilePhone": {
                    "customerMobilePhone": None,
                    "settlementStatus": "INCOMPLETED",
                    "receiptUrl": None,
                }
            }
        case "VIRTUAL_ACCOUNT":
            used = {"virtualAccount": _virtual_account(payment)}
    names = ("card", "virtualAccount", "transfer", "mobilePhone", "giftCertificate", "easyPay")
    return {name: used.get(name) for name in names}


def _card(amount: int | float, *, is_cancelled: bool) -> dict[str, Any]:
    return {
        "amount": amount,
        "issuerCode": "61",
        "acquirerCode": "31",
        "number": "43301234****123*",
        "installmentPlanMonths": 0,
        "approveNo": "00000000",
        "useCardPoint": False,
        "cardType": "신용",
        "ownerType": "개인",
        "acquireStatus": "CANCELED" if is_cancelled else "READY",
        "isInterestFree": False,
        "interestPayer": None,
    }


def _virtual_account(payment: Payment) -> dict[str, Any]:
    return {
        "accountType": "일반",
        "accountNumber": "X6505636518308",
        "bankCode": "20",
        "customerName": "김하늘",
        "depositorName": "김하늘" if payment.approved_at else None,
        "dueDate": time_of(payment.requested_at + _ACCOUNT_SECONDS),
        "refundStatus": "COMPLETED" if payment.cancellations and payment.approved_at else "NONE",
        "expired": False,
        "settlementStatus": "INCOMPLETED",
        "refundReceiveAccount": None,
    }
