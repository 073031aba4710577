"""What SENS answers, and what the API gateway before it does."""

from collections.abc import Sequence
from typing import Any

from provider_sandbox.korean_time import written
from provider_sandbox.providers.messages import ProviderMessage
from provider_sandbox.providers.refusal import Refusal
from provider_sandbox.providers.sens import codes
from provider_sandbox.providers.sens.account import CHANNEL
from provider_sandbox.providers.sens.bodies import SensMessage

_TIME = "%Y-%m-%dT%H:%M:%S.%f"


class SensRefusals:
    """Limits, failures and signatures are the gateway's; the rest is SENS itself."""

    def throttled(self) -> Refusal:
        body = {"error": {"errorCode": "420", "message": "Rate Limited", "details": "Too many requests."}}
        return Refusal(429, body, {"Retry-After": "1"})

    def failing(self) -> Refusal:
        error = {"errorCode": "500", "message": "Endpoint Error", "details": "Out of service."}
        return Refusal(503, {"error": error})

    def invalid(self, detail: str) -> Refusal:
        return Refusal(400, {"status": 400, "errorMessage": detail, "errors": []})

    def rejected(self, code: str | None) -> Refusal:
        return self.invalid(f"Rejected on demand ({code or 400}).")


def sent_reply(
    request_id: str, messages: Sequence[tuple[str, str, SensMessage]], now: float
) -> dict[str, Any]:
    """``messages`` are ids, codes and what was sent. 202 says nothing about each of them."""
    return {
        "requestId": request_id,
        "requestTime": _iso(now),
        "statusCode": "202",
        "statusName": "success",
        "messages": [
            {
                "messageId": message_id,
                "countryCode": message.country_code,
                "to": message.to,
                "content": message.content,
                **_request_status(code),
            }
            for message_id, code, message in messages
        ],
    }


def message_view(message: ProviderMessage) -> dict[str, Any]:
    """A message; without a result it has no code and no time of completion."""
    return {
        "requestId": message.group_id,
        "messageId": message.message_id,
        "requestTime": _iso(message.accepted_at),
        "completeTime": _iso(message.result_at) if message.has_result else None,
        "plusFriendId": CHANNEL,
        "templateCode": message.template_code,
        "countryCode": "82",
        "to": message.recipient_no,
        "content": message.content,
        "useSmsFailover": message.fields.get("useSmsFailover", False),
        **_request_status(codes.ACCEPTED),
        **_message_status(message),
        "failover": _failover(message),
    }


def _request_status(code: str) -> dict[str, str]:
    is_accepted = code == codes.ACCEPTED
    return {
        "requestStatusCode": code,
        "requestStatusName": "success" if is_accepted else "fail",
        "requestStatusDesc": "성공" if is_accepted else "실패",
    }


def _message_status(message: ProviderMessage) -> dict[str, str | None]:
    if not message.has_result:
        return {"messageStatusCode": None, "messageStatusName": "processing", "messageStatusDesc": None}
    is_delivered = message.result_kind == "DELIVERED"
    return {
        "messageStatusCode": message.result_code,
        "messageStatusName": "success" if is_delivered else "fail",
        "messageStatusDesc": "성공" if is_delivered else "실패",
    }


def _failover(message: ProviderMessage) -> dict[str, Any] | None:
    """The SMS in place of the message, once there is one."""
    if message.stage != "FALLBACK" and not message.is_replaced:
        return None
    name = {"FALLBACK": "processing", "DELIVERED": "success"}.get(message.stage, "fail")
    return {
        "messageId": f"{message.message_id}-sms",
        "type": "LMS",
        **_request_status(codes.ACCEPTED),
        "messageStatusCode": {"success": "0", "fail": "3000"}.get(name),
        "messageStatusName": name,
        "completeTime": _iso(message.fallback_at) if message.is_replaced else None,
    }


def _iso(epoch: float | None) -> str | None:
    text = written(epoch, _TIME)
    return None if text is None else text[:-3]
