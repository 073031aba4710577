"""What finally failed is sent once more by an operator's retry: the failed message doesn't count."""

from dataclasses import replace

import pytest

from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.errors import MessageNotFound, OutcomeUnknown
from notification_service.domain.order_event import OrderEvent
from tests.integration.alimtalk_providers.connection import Connection
from tests.integration.alimtalk_providers.wire import lose, lose_reply
from tests.integration.provider_sandbox.solapi_client import SolapiClient
from tests.integration.provider_sandbox.solapi_client import a_message as a_solapi_message
from tests.support.notification_builders import (
    WRITE_ALIMTALK,
    a_completed_order,
    a_delivery,
    a_message_for,
)


@pytest.fixture
def order() -> OrderEvent:
    return a_completed_order()


def attempt(
    connection: Connection, order: OrderEvent, failed: set[str], *, after_seconds: float | None = None
) -> str | None:
    """What the service does after a retry; with ``after_seconds``, after a send of unknown outcome."""
    send_alimtalk = SendAlimtalk(connection.adapter, 60.0, WRITE_ALIMTALK)
    purposes = [Purpose.SEND] if after_seconds is None else [Purpose.LOOK_UP, Purpose.SEND]
    for purpose in purposes:
        delivery = a_delivery(
            order,
            attempt=3,
            purpose=purpose,
            provider=connection.adapter.name,
            failed_message_ids=frozenset(failed),
            seconds_since_possibly_sent=after_seconds,
        )
        try:
            return send_alimtalk(delivery, lambda: True).reference
        except MessageNotFound:
            continue
    raise AssertionError("neither found nor sent")


def test_a_retry_sends_once_more_and_finds_that_message(looking_up: Connection, order: OrderEvent) -> None:
    message = a_message_for(order)
    first = looking_up.send(message)
    retried = replace(message, failed_ids=frozenset({first}))
    assert looking_up.find(retried) is None

    second = attempt(looking_up, order, {first})

    assert second != first
    assert looking_up.find(retried) == second
    assert len(looking_up.sent()) == 2


def test_a_retry_whose_reply_is_lost_is_found_and_not_sent_again(
    looking_up: Connection, order: OrderEvent
) -> None:
    first = looking_up.send(a_message_for(order))
    looking_up.wire.after(looking_up.provider.sends_at, lose_reply)
    with pytest.raises(OutcomeUnknown):
        attempt(looking_up, order, {first})

    second = attempt(looking_up, order, {first}, after_seconds=61.0)

    assert second not in {None, first}
    assert len(looking_up.sent()) == 2


def test_a_retry_whose_request_is_lost_is_sent_once(looking_up: Connection, order: OrderEvent) -> None:
    first = looking_up.send(a_message_for(order))
    looking_up.wire.before(looking_up.provider.sends_at, lose)
    with pytest.raises(OutcomeUnknown):
        attempt(looking_up, order, {first})
    assert len(looking_up.sent()) == 1

    second = attempt(looking_up, order, {first}, after_seconds=61.0)

    assert second not in {None, first}
    assert len(looking_up.sent()) == 2


def test_a_second_retry_ignores_both_failed_messages(looking_up: Connection, order: OrderEvent) -> None:
    failed = {looking_up.send(a_message_for(order))}
    failed.add(str(attempt(looking_up, order, failed)))

    third = attempt(looking_up, order, failed)

    assert third not in failed
    assert len(looking_up.sent()) == 3


def test_a_message_behind_150_others_of_its_number_is_found(
    solapi: Connection, message: AlimtalkMessage
) -> None:
    client = SolapiClient(solapi.doubles.http)
    client.send(*(a_solapi_message(message.recipient_number, f"other-{n}") for n in range(75)))
    client.send(*(a_solapi_message(message.recipient_number, f"other-{n}") for n in range(75, 150)))
    assert solapi.find(message) is None

    message_id = solapi.send(message)

    assert solapi.find(message) == message_id
    assert solapi.send(message) == message_id
