"""What SOLAPI answers."""

from collections.abc import Sequence
from typing import Any

from provider_sandbox.korean_time import in_utc
from provider_sandbox.providers.messages import ProviderMessage
from provider_sandbox.providers.refusal import Refusal
from provider_sandbox.providers.solapi import codes
from provider_sandbox.providers.solapi.account import ACCOUNT_ID, PF_ID
from provider_sandbox.providers.solapi.group_record import Group
from provider_sandbox.providers.solapi.registration import Registered
from provider_sandbox.providers.solapi.signature import refusal
from provider_sandbox.providers.templates import Template

_TEMPLATE_STATUS = {
    "REQUESTED": "PENDING",
    "REVIEWING": "INSPECTING",
    "APPROVED": "APPROVED",
    "REJECTED": "REJECTED",
}


class SolapiRefusals:
    """Statuses of HTTP, with ``errorCode`` and ``errorMessage``."""

    def throttled(self) -> Refusal:
        body = {"errorCode": "TooManyRequests", "errorMessage": "Too many requests."}
        return Refusal(429, body, {"Retry-After": "1"})

    def failing(self) -> Refusal:
        return refusal(503, "ServiceUnavailable", "Out of service.")

    def invalid(self, detail: str) -> Refusal:
        return refusal(400, "ValidationError", detail)

    def rejected(self, code: str | None) -> Refusal:
        if code == "NotEnoughBalance":
            return refusal(402, code, "The balance is used up.")
        return refusal(400, code or "ValidationError", "Rejected on demand.")


def registered_view(message_id: str, message: Registered) -> dict[str, Any]:
    return {
        "to": message.body.to,
        "from": message.body.sender,
        "type": message.body.type,
        "country": message.body.country,
        "messageId": message_id,
        "statusCode": message.code,
        "statusMessage": codes.message_of(message.code),
        "accountId": ACCOUNT_ID,
        "customFields": message.body.custom_fields,
    }


def added_reply(messages: Sequence[tuple[str, Registered]]) -> dict[str, Any]:
    """For messages that were added to a group."""
    return {
        "errorCount": sum(not message.is_accepted for _, message in messages),
        "resultList": [registered_view(message_id, message) for message_id, message in messages],
    }


def group_view(group: Group, messages: Sequence[ProviderMessage]) -> dict[str, Any]:
    """A group with the messages that it has now, refused ones included."""
    return {
        "_id": group.group_id,
        "groupId": group.group_id,
        "accountId": ACCOUNT_ID,
        "apiVersion": "4",
        "status": _group_status(group, messages),
        "count": _counts(messages),
        "customFields": group.custom_fields,
        "scheduledDate": None,
        "dateSent": in_utc(group.sent_at),
        "dateCompleted": None,
        "dateCreated": in_utc(group.created_at),
        "dateUpdated": in_utc(group.sent_at or group.created_at),
    }


def template_view(template: Template) -> dict[str, Any]:
    """A template as its look-up has it."""
    return {
        "templateId": template.code,
        "name": template.code,
        "channelId": PF_ID,
        "content": template.content,
        "buttons": [],
        "status": _TEMPLATE_STATUS[template.status],
    }


def _group_status(group: Group, messages: Sequence[ProviderMessage]) -> str:
    if group.is_deleted:
        return "DELETED"
    if group.sends == 0:
        return "PENDING"
    if any(message.stage in ("PENDING", "FALLBACK") for message in messages):
        return "SENDING"
    return "COMPLETE"


def _counts(messages: Sequence[ProviderMessage]) -> dict[str, int]:
    stages = [message.stage for message in messages]
    accepted = len(stages) - stages.count("REFUSED")
    return {
        "total": len(stages),
        "sentTotal": accepted - stages.count("UNSENT"),
        "sentFailed": stages.count("FAILED"),
        "sentSuccess": stages.count("DELIVERED"),
        "sentPending": stages.count("PENDING") + stages.count("FALLBACK") + stages.count("UNKNOWN"),
        "sentReplacement": sum(message.is_replaced for message in messages),
        "refund": 0,
        "registeredFailed": stages.count("REFUSED"),
        "registeredSuccess": accepted,
    }


def message_view(message: ProviderMessage) -> dict[str, Any]:
    """A message as the list and the webhook have it. One that an SMS has replaced has that SMS's type."""
    code = codes.status_code(message)
    is_replacing = message.stage == "FALLBACK" or message.is_replaced
    known = message.has_result
    return {
        "_id": message.message_id,
        "messageId": message.message_id,
        "groupId": message.group_id,
        "accountId": ACCOUNT_ID,
        "type": "LMS" if message.is_replaced else message.fields.get("type", "ATA"),
        "to": message.recipient_no,
        "from": message.fields.get("from"),
        "country": "82",
        "text": message.content,
        "kakaoOptions": {
            "pfId": PF_ID,
            "templateId": message.template_code,
            "disableSms": message.fields.get("disableSms", False),
        },
        "customFields": message.fields.get("customFields", {}),
        "replacement": is_replacing,
        "statusCode": code,
        "statusMessage": codes.message_of(code),
        "networkCode": None,
        "dateProcessed": in_utc(None if message.stage == "UNSENT" else message.accepted_at),
        "dateReported": in_utc(message.result_at if known else None),
        "dateReceived": in_utc(message.result_at if message.stage == "DELIVERED" else None),
        "dateCreated": in_utc(message.accepted_at),
        "dateUpdated": in_utc(message.result_at if known else message.accepted_at),
    }
