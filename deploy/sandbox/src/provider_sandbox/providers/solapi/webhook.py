"""SOLAPI's webhook. Its only proof of origin is the token in its address."""

import json
from urllib.parse import parse_qs, urlsplit

from provider_sandbox.providers.messages import ProviderMessage
from provider_sandbox.providers.solapi.account import WEBHOOK_TOKEN
from provider_sandbox.providers.solapi.replies import message_view
from provider_sandbox.providers.webhook_queue import QueuedWebhook
from provider_sandbox.webhook_call import WebhookCall


def solapi_webhook(webhook: QueuedWebhook, message: ProviderMessage) -> WebhookCall:
    """The report of one message; its eventDataId is the same in every repetition."""
    body = [{"eventDataId": webhook.event_id, "data": message_view(message), "retryCount": webhook.calls}]
    headers = {"Content-Type": "application/json"}
    return WebhookCall(_with_token(webhook.url), headers, json.dumps(body, ensure_ascii=False).encode())


def _with_token(url: str) -> str:
    query = urlsplit(url).query
    if "token" in parse_qs(query):
        return url
    return f"{url}{'&' if query else '?'}token={WEBHOOK_TOKEN}"
