"""Which webhooks are read, and by which secret."""

import json

import pytest
from pydantic import SecretStr

from notification_service.alimtalk.webhooks import webhook_parsers
from notification_service.alimtalk_settings import WebhookSettings
from notification_service.domain.alimtalk_results import ProviderResult, ReportedResults, ResultState
from notification_service.domain.errors import ForgedWebhook

SETTINGS = WebhookSettings(
    nhn_webhook_signature=SecretStr("nhn-secret"), solapi_webhook_token=SecretStr("solapi-secret")
)
NHN_BODY = json.dumps(
    {
        "event": "MESSAGE_RESULT_UPDATE",
        "hooks": [{"hookId": "h-1", "requestId": "r-1", "resultCode": "1000"}],
    }
).encode()
SOLAPI_BODY = json.dumps(
    [{"eventDataId": "e-1", "data": {"messageId": "M1", "statusCode": "4000", "type": "ATA"}}]
).encode()


def test_nhn_is_known_by_its_header() -> None:
    parse = webhook_parsers(SETTINGS)["nhn"]

    assert parse({"x-toast-webhook-signature": "nhn-secret"}, {}, NHN_BODY) == ReportedResults(
        [ProviderResult("r-1", None, ResultState.DELIVERED, "1000")]
    )


def test_solapi_is_known_by_the_token_of_the_url() -> None:
    parse = webhook_parsers(SETTINGS)["solapi"]

    assert parse({}, {"token": "solapi-secret"}, SOLAPI_BODY) == ReportedResults(
        [ProviderResult("M1", None, ResultState.DELIVERED, "4000")]
    )


@pytest.mark.parametrize("secret", ["other", "", None])
def test_a_webhook_without_the_secret_is_refused(secret: str | None) -> None:
    parsers = webhook_parsers(SETTINGS)

    with pytest.raises(ForgedWebhook):
        parsers["nhn"]({} if secret is None else {"x-toast-webhook-signature": secret}, {}, NHN_BODY)
    with pytest.raises(ForgedWebhook):
        parsers["solapi"]({}, {} if secret is None else {"token": secret}, SOLAPI_BODY)


def test_a_provider_without_a_secret_reports_nothing() -> None:
    assert webhook_parsers(WebhookSettings()) == {}
