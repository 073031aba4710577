"""What NHN answers: 200 with a header that says whether it succeeded, errors included."""

from collections.abc import Sequence
from typing import Any

from provider_sandbox.korean_time import written
from provider_sandbox.providers.messages import ProviderMessage
from provider_sandbox.providers.nhn import codes
from provider_sandbox.providers.nhn.account import CHANNEL, SENDER_KEY
from provider_sandbox.providers.nhn.checks import Checked
from provider_sandbox.providers.refusal import Refusal
from provider_sandbox.providers.templates import Template

TIME_PATTERN = "%Y-%m-%d %H:%M:%S.0"
_RESEND_NAMES = {
    "RSC01": "대체 발송 미대상",
    "RSC02": "대체 발송 대상",
    "RSC03": "대체 발송 중",
    "RSC04": "대체 발송 성공",
    "RSC05": "대체 발송 실패",
}
_TEMPLATE_STATUS = {
    "REQUESTED": ("TSC01", "요청"),
    "REVIEWING": ("TSC02", "검수 중"),
    "APPROVED": ("TSC03", "승인"),
    "REJECTED": ("TSC04", "반려"),
}


def header(code: int = codes.SUCCESS, detail: str | None = None) -> dict[str, Any]:
    return {
        "resultCode": code,
        "resultMessage": detail or codes.message_of(code),
        "isSuccessful": code == codes.SUCCESS,
    }


class NhnRefusals:
    """Only a limit of calls and a failure of the gateway have a status of their own."""

    def throttled(self) -> Refusal:
        body = {"header": header(codes.OUT_OF_SERVICE, "Too many requests")}
        return Refusal(429, body, {"Retry-After": "1"})

    def failing(self) -> Refusal:
        return Refusal(503, {"header": header(codes.OUT_OF_SERVICE)})

    def invalid(self, detail: str) -> Refusal:
        return refusal(codes.INVALID_PARAMETER, detail)

    def rejected(self, code: str | None) -> Refusal:
        return refusal(int(code or codes.INVALID_PARAMETER))


def refusal(code: int, detail: str | None = None) -> Refusal:
    return Refusal(200, {"header": header(code, detail)})


def sent_reply(request_id: str, grouping_key: str | None, recipients: Sequence[Checked]) -> dict[str, Any]:
    """Some recipients may have failed although the header says success; not all of them."""
    all_failed = all(each.code != codes.SUCCESS for each in recipients)
    results = [
        {
            "recipientSeq": position,
            "recipientNo": each.recipient.recipient_no,
            "resultCode": each.code,
            "resultMessage": codes.message_of(each.code),
            "recipientGroupingKey": each.recipient.recipient_grouping_key,
        }
        for position, each in enumerate(recipients, 1)
    ]
    message = {"requestId": request_id, "senderGroupingKey": grouping_key, "sendResults": results}
    return {
        "header": header(codes.ALL_RECIPIENTS_FAILED if all_failed else codes.SUCCESS),
        "message": message,
    }


def resend_status(message: ProviderMessage) -> str:
    """How far the SMS in place of the message is."""
    if not message.fields.get("isResend"):
        return "RSC01"
    if message.fallback_at is None or message.stage == "PENDING":
        return "RSC02"
    return {"FALLBACK": "RSC03", "DELIVERED": "RSC04"}.get(message.stage, "RSC05")


def message_view(message: ProviderMessage) -> dict[str, Any]:
    """A message. Without a result its status and its code are null."""
    status = resend_status(message)
    is_delivered = message.result_kind == "DELIVERED"
    known = message.has_result
    return {
        "requestId": message.group_id,
        "recipientSeq": message.position,
        "requestDate": written(message.accepted_at, TIME_PATTERN),
        "createDate": written(message.accepted_at, TIME_PATTERN),
        "receiveDate": written(message.result_at, TIME_PATTERN) if known else None,
        "resendStatus": status,
        "resendStatusName": _RESEND_NAMES[status],
        "resendResultCode": {"RSC04": "1000", "RSC05": "3000"}.get(status),
        "resendRequestId": f"{message.group_id}S" if status in ("RSC03", "RSC04", "RSC05") else None,
        "messageStatus": ("COMPLETED" if is_delivered else "FAILED") if known else None,
        "resultCode": message.result_code if known else None,
        "resultCodeName": ("성공" if is_delivered else "실패") if known else None,
        "plusFriendId": CHANNEL,
        "senderKey": SENDER_KEY,
        "templateCode": message.template_code,
        "recipientNo": message.recipient_no,
        "content": message.content,
        "createUser": message.fields.get("createUser"),
        "senderGroupingKey": message.fields.get("senderGroupingKey"),
        "recipientGroupingKey": message.fields.get("recipientGroupingKey"),
    }


def template_view(template: Template) -> dict[str, Any]:
    code, name = _TEMPLATE_STATUS[template.status]
    return {
        "plusFriendId": CHANNEL,
        "senderKey": SENDER_KEY,
        "templateCode": template.code,
        "templateName": template.code,
        "templateMessageType": "BA",
        "templateContent": template.content,
        "status": code,
        "statusName": name,
    }
