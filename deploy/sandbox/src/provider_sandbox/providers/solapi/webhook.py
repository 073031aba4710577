"""SOLAPI's webhook. Its only proof of origin is the token in its address."""

from urllib.parse import parse_qs, urlsplit

from pydantic_core import from_json, to_json

from provider_sandbox.providers.solapi.account import WEBHOOK_TOKEN
from provider_sandbox.webhooks.call import WebhookCall
from provider_sandbox.webhooks.queue import QueuedWebhook


def solapi_webhook(webhook: QueuedWebhook) -> WebhookCall:
    """The report of one message; its eventDataId is the same in every repetition."""
    data = from_json(webhook.body)
    body = [{"eventDataId": webhook.event_id, "data": data, "retryCount": webhook.calls}]
    return WebhookCall(_with_token(webhook.url), {"Content-Type": "application/json"}, to_json(body))


def _with_token(url: str) -> str:
    query = urlsplit(url).query
    if "token" in parse_qs(query):
        return url
    return f"{url}{'&' if query else '?'}token={WEBHOOK_TOKEN}"
