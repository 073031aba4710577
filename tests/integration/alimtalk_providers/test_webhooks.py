"""The final result, by webhook: what the doubles post, and what the adapters read in it."""

from collections.abc import Sequence

import pytest

from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from notification_service.domain.errors import ForgedWebhook, MalformedWebhook
from tests.integration.alimtalk_providers.connection import Connection
from tests.integration.alimtalk_providers.providers import Reports
from tests.integration.provider_sandbox.webhook_receiver import Received, WebhookReceiver
from tests.support.waiting import wait_until


def reports(connection: Connection) -> Reports:
    assert connection.provider.reports is not None
    return connection.provider.reports


def parsed(connection: Connection, call: Received) -> Sequence[ProviderResult]:
    of = reports(connection)
    return of.parse(call.raw, of.secret_of(call), of.webhook_secret)


def received(receiver: WebhookReceiver, calls: int) -> list[Received]:
    wait_until(lambda: len(receiver.received) >= calls, f"{calls} webhooks")
    return receiver.received


@pytest.mark.parametrize("kind", ["delivered", "unreachable", "unsure"])
def test_a_webhook_says_what_asking_says(
    reporting: Connection, message: AlimtalkMessage, receiver: WebhookReceiver, kind: str
) -> None:
    code = str(getattr(reports(reporting), kind))
    reporting.control(webhookUrl=receiver.url, resultCode=code, resultDelayMs=0)

    message_id = reporting.send(message)

    (call,) = received(receiver, 1)
    (result,) = parsed(reporting, call)
    assert result == reporting.reporting.result(message_id)
    assert (result.message_id, result.reference, result.code) == (message_id, message.reference, code)
    assert result.state is not ResultState.ACCEPTED


@pytest.mark.parametrize("secret", ["", "other", None])
def test_a_webhook_with_a_wrong_secret_is_forged(
    reporting: Connection, message: AlimtalkMessage, receiver: WebhookReceiver, secret: str | None
) -> None:
    reporting.control(webhookUrl=receiver.url, resultDelayMs=0)
    reporting.send(message)
    (call,) = received(receiver, 1)

    of = reports(reporting)
    with pytest.raises(ForgedWebhook):
        of.parse(call.raw, secret, of.webhook_secret)
    with pytest.raises(ForgedWebhook):
        of.parse(call.raw, of.secret_of(call), secret or "other")


def test_a_webhook_cut_short_is_malformed(
    reporting: Connection, message: AlimtalkMessage, receiver: WebhookReceiver
) -> None:
    reporting.control(webhookUrl=receiver.url, resultDelayMs=0)
    reporting.send(message)
    (call,) = received(receiver, 1)

    of = reports(reporting)
    with pytest.raises(MalformedWebhook):
        of.parse(call.raw[:-1], of.secret_of(call), of.webhook_secret)


def test_a_doubled_webhook_says_the_same(
    reporting: Connection, message: AlimtalkMessage, receiver: WebhookReceiver
) -> None:
    reporting.control(webhookUrl=receiver.url, resultDelayMs=0, duplicateWebhooksNext=1)

    reporting.send(message)

    first, second = received(receiver, 2)
    assert parsed(reporting, first) == parsed(reporting, second)


def test_a_repeated_webhook_says_the_same(
    reporting: Connection, message: AlimtalkMessage, receiver: WebhookReceiver
) -> None:
    receiver.statuses = [500]
    reporting.control(webhookUrl=receiver.url, resultDelayMs=0, webhookRetryDelayMs=10)

    reporting.send(message)

    first, second = received(receiver, 2)
    assert parsed(reporting, first) == parsed(reporting, second)


def test_reversed_webhooks_say_the_same(
    reporting: Connection,
    message: AlimtalkMessage,
    other_message: AlimtalkMessage,
    receiver: WebhookReceiver,
) -> None:
    held = {"webhookUrl": receiver.url, "resultDelayMs": 0}
    reporting.control(**held, webhooksHeld=True)
    ids = [reporting.send(each) for each in (message, other_message)]

    reporting.control(**held, webhooksReversed=True)

    results = [parsed(reporting, call)[0] for call in received(receiver, 2)]
    assert [result.message_id for result in results] == ids[::-1]
    assert results[::-1] == [reporting.reporting.result(message_id) for message_id in ids]
