"""The final result, by webhook: what the doubles post, and what the adapters read in it."""

from collections.abc import Sequence

import pytest

from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from notification_service.domain.errors import ForgedWebhook, MalformedWebhook
from tests.integration.alimtalk_providers.connection import Connection
from tests.integration.alimtalk_providers.providers import Webhook
from tests.integration.provider_sandbox.webhook_receiver import Received, WebhookReceiver
from tests.support.waiting import wait_until


def webhook(connection: Connection) -> Webhook:
    assert connection.reports.webhook is not None
    return connection.reports.webhook


def parsed(connection: Connection, call: Received) -> Sequence[ProviderResult]:
    of = webhook(connection)
    return of.parse(call.raw, of.secret_of(call), of.secret).results


def received(receiver: WebhookReceiver, calls: int) -> list[Received]:
    wait_until(lambda: len(receiver.received) >= calls, f"{calls} webhooks")
    return receiver.received


@pytest.mark.parametrize("kind", ["delivered", "unreachable", "unsure"])
def test_a_webhook_says_what_asking_says(
    posting: Connection, message: AlimtalkMessage, receiver: WebhookReceiver, kind: str
) -> None:
    code = str(getattr(posting.reports, kind))
    posting.control(webhookUrl=receiver.url, resultCode=code, resultDelayMs=0)

    message_id = posting.send(message)

    (call,) = received(receiver, 1)
    (result,) = parsed(posting, call)
    assert result == posting.result(message_id, message.reference)
    assert (result.message_id, result.reference, result.code) == (message_id, message.reference, code)
    assert result.state is not ResultState.ACCEPTED


@pytest.mark.parametrize("secret", ["", "other", None])
def test_a_webhook_with_a_wrong_secret_is_forged(
    posting: Connection, message: AlimtalkMessage, receiver: WebhookReceiver, secret: str | None
) -> None:
    posting.control(webhookUrl=receiver.url, resultDelayMs=0)
    posting.send(message)
    (call,) = received(receiver, 1)

    of = webhook(posting)
    with pytest.raises(ForgedWebhook):
        of.parse(call.raw, secret, of.secret)
    with pytest.raises(ForgedWebhook):
        of.parse(call.raw, of.secret_of(call), secret or "other")


def test_a_webhook_cut_short_is_malformed(
    posting: Connection, message: AlimtalkMessage, receiver: WebhookReceiver
) -> None:
    posting.control(webhookUrl=receiver.url, resultDelayMs=0)
    posting.send(message)
    (call,) = received(receiver, 1)

    of = webhook(posting)
    with pytest.raises(MalformedWebhook):
        of.parse(call.raw[:-1], of.secret_of(call), of.secret)


def test_a_doubled_webhook_says_the_same(
    posting: Connection, message: AlimtalkMessage, receiver: WebhookReceiver
) -> None:
    posting.control(webhookUrl=receiver.url, resultDelayMs=0, duplicateWebhooksNext=1)

    posting.send(message)

    first, second = received(receiver, 2)
    assert parsed(posting, first) == parsed(posting, second)


def test_a_repeated_webhook_says_the_same(
    posting: Connection, message: AlimtalkMessage, receiver: WebhookReceiver
) -> None:
    receiver.statuses = [500]
    posting.control(webhookUrl=receiver.url, resultDelayMs=0, webhookRetryDelayMs=10)

    posting.send(message)

    first, second = received(receiver, 2)
    assert parsed(posting, first) == parsed(posting, second)


def test_reversed_webhooks_say_the_same(
    posting: Connection,
    message: AlimtalkMessage,
    other_message: AlimtalkMessage,
    receiver: WebhookReceiver,
) -> None:
    held = {"webhookUrl": receiver.url, "resultDelayMs": 0}
    posting.control(**held, webhooksHeld=True)
    ids = [posting.send(each) for each in (message, other_message)]

    posting.control(**held, webhooksReversed=True)

    results = [parsed(posting, call)[0] for call in received(receiver, 2)]
    assert [result.message_id for result in results] == ids[::-1]
    references = [message.reference, other_message.reference]
    assert results[::-1] == [posting.result(*each) for each in zip(ids, references, strict=True)]
