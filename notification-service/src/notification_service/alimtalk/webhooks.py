"""The webhooks of the providers whose secret is configured."""

from collections.abc import Mapping

from pydantic import SecretStr

from notification_service.alimtalk import nhn, solapi
from notification_service.alimtalk_settings import WebhookSettings
from notification_service.application.ports import WebhookParser
from notification_service.domain.alimtalk_results import ReportedResults


def webhook_parsers(settings: WebhookSettings) -> Mapping[str, WebhookParser]:
    """By the provider's name."""
    parsers: dict[str, WebhookParser] = {}
    if settings.nhn_webhook_signature:
        parsers["nhn"] = _nhn(settings.nhn_webhook_signature)
    if settings.solapi_webhook_token:
        parsers["solapi"] = _solapi(settings.solapi_webhook_token)
    return parsers


def _nhn(secret: SecretStr) -> WebhookParser:
    def parse(headers: Mapping[str, str], query: Mapping[str, str], body: bytes) -> ReportedResults:
        return nhn.parse_webhook(body, headers.get("x-toast-webhook-signature"), secret.get_secret_value())

    return parse


def _solapi(secret: SecretStr) -> WebhookParser:
    def parse(headers: Mapping[str, str], query: Mapping[str, str], body: bytes) -> ReportedResults:
        return solapi.parse_webhook(body, query.get("token"), secret.get_secret_value())

    return parse
