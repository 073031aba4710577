"""NHN's webhook. Its signature is a configured value, and says nothing about the body."""

import json

from provider_sandbox.providers.messages import ProviderMessage
from provider_sandbox.providers.nhn.account import APP_KEY, WEBHOOK_SIGNATURE
from provider_sandbox.providers.nhn.replies import message_view
from provider_sandbox.providers.webhook_queue import QueuedWebhook
from provider_sandbox.webhook_call import WebhookCall

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


def nhn_webhook(webhook: QueuedWebhook, message: ProviderMessage) -> WebhookCall:
    """The report of one message; its hookId is the same in every repetition."""
    view = message_view(message)
    hook = {
        "hookId": webhook.event_id,
        "kakaoMessageType": "ALIMTALK",
        **{name: view[name] for name in _FIELDS},
    }
    path = f"/alimtalk/v2.3/appkeys/{APP_KEY}/messages/{message.group_id}/{message.position}"
    hook["_links"] = {"self": {"href": path}}
    body = {
        "hooksId": f"{webhook.event_id}-{webhook.calls}",
        "webhookConfigId": "sandbox",
        "productName": "KakaoTalk Bizmessage",
        "appKey": APP_KEY,
        "event": "MESSAGE_RESULT_UPDATE",
        "hooks": [hook],
    }
    headers = {"Content-Type": "application/json", "X-Toast-Webhook-Signature": WEBHOOK_SIGNATURE}
    return WebhookCall(webhook.url, headers, json.dumps(body, ensure_ascii=False).encode())
