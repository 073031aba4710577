"""How a browser comes back to the shop: what each gateway adds to the shop's address."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from provider_sandbox.gateways.checkout.query import Action, Returns
from provider_sandbox.gateways.money import to_number
from provider_sandbox.gateways.payment import Payment

_FAILURES = {
    "cancel": ("PAY_PROCESS_CANCELED", "사용자에 의해 결제가 취소되었습니다."),
    "fail": ("REJECT_CARD_COMPANY", "결제 승인이 거절되었습니다."),
}


def returned(payment: Payment, action: Action) -> dict[str, str]:
    """What the shop gets of a payment."""
    if payment.gateway == "toss":
        return _toss(payment, action)
    result = {"paymentId": payment.order_id, "transactionType": "PAYMENT", "txId": payment.key}
    if action in _FAILURES:
        return {**result, "code": "FAILURE_TYPE_PG", "message": _FAILURES[action][1]}
    return {**result, "paymentToken": payment.secret}


def _toss(payment: Payment, action: Action) -> dict[str, str]:
    if action in _FAILURES:
        code, message = _FAILURES[action]
        # From a closed window the browser comes back without an order.
        order = {} if action == "cancel" else {"orderId": payment.order_id}
        return {"code": code, "message": message, **order}
    return {
        "paymentType": "NORMAL",
        "orderId": payment.order_id,
        "paymentKey": payment.key,
        "amount": str(to_number(payment.amount, payment.currency)),
    }


def address(returns: Returns, action: Action, result: dict[str, str]) -> str | None:
    """The shop's address with the result in its query; None if it gave none."""
    url = returns.fail_url if action in _FAILURES else returns.success_url
    if url is None:
        return None
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *result.items()])))
