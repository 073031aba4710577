"""PortOne's errors as replies."""

from provider_sandbox.gateways.reply import GatewayReply, Refused

_STATUS = {
    "INVALID_REQUEST": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "PAYMENT_NOT_FOUND": 404,
    "ALREADY_PAID": 409,
    "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN": 409,
    "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT": 409,
    "IDEMPOTENCY_OUTSTANDING_REQUEST": 409,
    "INFORMATION_MISMATCH": 409,
    "INVALID_PAYMENT_TOKEN": 409,
    "PAYMENT_ALREADY_CANCELLED": 409,
    "PAYMENT_NOT_PAID": 409,
    "PAYMENT_NOT_WAITING_FOR_DEPOSIT": 409,
}


def error(kind: str, message: str | None = None) -> GatewayReply:
    """400 for a type that isn't listed: a gateway adds new ones without notice."""
    body = {"type": kind} if message is None else {"type": kind, "message": message}
    return GatewayReply.of(body, _STATUS.get(kind, 400))


def provider_error(code: str) -> GatewayReply:
    """What lies behind PortOne has said no, or has failed: this error is the same for both."""
    return GatewayReply.of({"type": "PG_PROVIDER", "pgCode": code, "pgMessage": "결제에 실패했습니다."}, 502)


def refused(kind: str, message: str | None = None) -> Refused:
    return Refused(error(kind, message))
