"""What Aligo answers: 200 with a code, errors included."""

from collections.abc import Sequence
from typing import Any

from provider_sandbox.providers.aligo import codes
from provider_sandbox.providers.aligo.account import SENDER_KEY
from provider_sandbox.providers.korean_time import written
from provider_sandbox.providers.messages import ProviderMessage
from provider_sandbox.providers.refusal import Refusal
from provider_sandbox.providers.templates import Template

_TIME = "%Y-%m-%d %H:%M:%S"
_UNIT_PRICE = 6.5
_INSPECTION = {"REQUESTED": "REG", "REVIEWING": "REQ", "APPROVED": "APR", "REJECTED": "REJ"}


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


def success(**members: Any) -> dict[str, Any]:
    return {**_body(codes.SUCCESS, "성공적으로 전송요청 하였습니다."), **members}


def sent_reply(mid: str, accepted: int, failed: int) -> dict[str, Any]:
    """The numbers only: which recipients failed is not said."""
    info = {"type": "AT", "mid": int(mid), "current": "1000000.0", "unit": _UNIT_PRICE}
    return success(info={**info, "total": accepted * _UNIT_PRICE, "scnt": accepted, "fcnt": failed})


def history_view(mid: str, messages: Sequence[ProviderMessage]) -> dict[str, Any]:
    first = messages[0]
    return {
        "mid": mid,
        "type": "AT",
        "sender": first.fields.get("sender"),
        "msg_count": str(len(messages)),
        "mbody": first.content,
        "reserve_state": "",
        "regdate": written(first.accepted_at, _TIME),
    }


def detail_view(message: ProviderMessage) -> dict[str, Any]:
    """One recipient's message. Without a result, ``rslt`` is empty."""
    known = message.has_result
    result = message.result_code if known else ""
    return {
        "msgid": message.message_id,
        "sender": message.fields.get("sender"),
        "phone": message.recipient_no,
        "status": _status(message),
        "reqdate": written(message.accepted_at, _TIME),
        "sentdate": written(message.accepted_at, _TIME),
        "rsltdate": written(message.result_at, _TIME) if known else "",
        "reportdate": written(message.result_at, _TIME) if known else "",
        "rslt": result,
        "rslt_message": {"": "", codes.DELIVERY.success: "성공"}.get(result or "", "실패"),
        "message": message.content,
        "tpl_code": message.template_code,
        "senderKey": SENDER_KEY,
        "smid": f"{message.message_id}-sms" if message.is_replaced or message.stage == "FALLBACK" else "",
    }


def template_view(template: Template) -> dict[str, Any]:
    return {
        "senderKey": SENDER_KEY,
        "templtCode": template.code,
        "templtName": template.code,
        "templtContent": template.content,
        "status": "A" if template.is_approved else "R",
        "inspStatus": _INSPECTION[template.status],
    }


def _status(message: ProviderMessage) -> str:
    if message.is_replaced:
        return "SMS 대체 성공" if message.stage == "DELIVERED" else "SMS 대체 실패"
    stages = {"PENDING": "전송중", "FALLBACK": "SMS 대체 전송중", "DELIVERED": "성공", "UNKNOWN": "확인불가"}
    return stages.get(message.stage, "실패")


def _body(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}
