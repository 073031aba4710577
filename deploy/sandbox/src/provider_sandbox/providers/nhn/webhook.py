"""NHN's webhook. Its signature is a configured value, and says nothing about the body."""

from typing import Any

from pydantic_core import from_json, to_json

from provider_sandbox.providers.messages import ProviderMessage
from provider_sandbox.providers.nhn.account import APP_KEY, WEBHOOK_SIGNATURE
from provider_sandbox.providers.nhn.replies import message_view
from provider_sandbox.webhooks.call import WebhookCall
from provider_sandbox.webhooks.queue import QueuedWebhook

_FIELDS = (
    "requestId",
    "recipientSeq",
    "requestDate",
    "createDate",
    "receiveDate",
    "recipientNo",
    "resultCode",
    "senderGroupingKey",
    "recipientGroupingKey",
)


def nhn_report(message: ProviderMessage) -> dict[str, Any]:
    """A hook but for its id."""
    view = message_view(message)
    path = f"/alimtalk/v2.3/appkeys/{APP_KEY}/messages/{message.group_id}/{message.position}"
    return {
        "kakaoMessageType": "ALIMTALK",
        **{name: view[name] for name in _FIELDS},
        "_links": {"self": {"href": path}},
    }


def nhn_webhook(webhook: QueuedWebhook) -> WebhookCall:
    """The report of one message; its hookId is the same in every repetition."""
    body = {
        "hooksId": f"{webhook.event_id}-{webhook.calls}",
        "webhookConfigId": "sandbox",
        "productName": "KakaoTalk Bizmessage",
        "appKey": APP_KEY,
        "event": "MESSAGE_RESULT_UPDATE",
        "hooks": [{"hookId": webhook.event_id, **from_json(webhook.body)}],
    }
    headers = {"Content-Type": "application/json", "X-Toast-Webhook-Signature": WEBHOOK_SIGNATURE}
    return WebhookCall(webhook.url, headers, to_json(body))
