"""What Aligo answers: 200 with a code, errors included."""

from typing import Any

from provider_sandbox.providers.aligo import codes
from provider_sandbox.providers.refusal import Refusal

_UNIT_PRICE = 6.5


class AligoRefusals:
    """Only a limit of calls and a failure of the server have a status of their own."""

    def throttled(self) -> Refusal:
        return Refusal(429, _body(codes.INVALID_REQUEST, "Too many requests"), {"Retry-After": "1"})

    def failing(self) -> Refusal:
        return Refusal(503, _body(codes.INVALID_REQUEST, "Out of service"))

    def invalid(self, detail: str) -> Refusal:
        return refusal(codes.INVALID_REQUEST, detail)

    def rejected(self, code: str | None) -> Refusal:
        return refusal(int(code or codes.INVALID_REQUEST), "Rejected on demand")


def refusal(code: int, message: str) -> Refusal:
    return Refusal(200, _body(code, message))


def sent_reply(mid: str, accepted: int, failed: int) -> dict[str, Any]:
    """The numbers only: which recipients failed is not said."""
    info = {"type": "AT", "mid": int(mid), "current": "1000000.0", "unit": _UNIT_PRICE}
    info |= {"total": accepted * _UNIT_PRICE, "scnt": accepted, "fcnt": failed}
    return {**_body(codes.SUCCESS, "성공적으로 전송요청 하였습니다."), "info": info}


def _body(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}
