"""What Aligo answers: 200 with a code, errors included."""

from collections.abc import Sequence
from typing import Any

from provider_sandbox.korean_time import written
from provider_sandbox.providers.aligo import codes
from provider_sandbox.providers.aligo.account import SENDER_KEY
from provider_sandbox.providers.messages import ProviderMessage
from provider_sandbox.providers.refusal import Refusal

_UNIT_PRICE = 6.5
_TIME = "%Y-%m-%d %H:%M:%S"


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


def detail_reply(messages: Sequence[ProviderMessage], count: int, page: int, limit: int) -> dict[str, Any]:
    """The recipients of a sending; one that isn't known has none."""
    return {
        **_body(codes.SUCCESS, "성공적으로 조회하였습니다."),
        "list": [_recipient(message) for message in messages],
        "currentPage": page,
        "totalPage": -(-count // limit),
        "totalCount": count,
    }


def _recipient(message: ProviderMessage) -> dict[str, Any]:
    result_date = written(message.result_at, _TIME) if message.has_result else None
    return {
        "msgid": message.message_id,
        "type": "AT",
        "sender": message.fields.get("sender", ""),
        "phone": message.recipient_no,
        "status": "3" if message.has_result else "1",
        "reqdate": written(message.accepted_at, _TIME),
        "sentdate": written(message.accepted_at, _TIME),
        "rsltdate": result_date,
        "reportdate": result_date,
        "rslt": message.known_code,
        "rslt_message": "성공" if message.result_kind == "DELIVERED" and message.has_result else "",
        "message": message.content,
        "tpl_code": message.template_code,
        "senderkey": SENDER_KEY,
        "smid": f"{message.message_id}-sms" if message.is_replaced else None,
    }


def _body(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}
