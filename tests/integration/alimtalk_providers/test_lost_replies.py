"""Requests and replies that are lost: what the adapter says, and what a second attempt does."""

import pytest

from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.errors import OutcomeUnknown, Unanswerable
from notification_service.domain.order_event import OrderEvent
from tests.integration.alimtalk_providers.connection import Connection, impatient
from tests.integration.alimtalk_providers.later_attempts import PROCESSING_SECONDS, second_attempt
from tests.integration.alimtalk_providers.wire import answer_instead, lose, lose_reply
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order, a_delivery, a_message_for
from tests.support.waiting import wait_until

TIMEOUT_MS = 4_000


@pytest.fixture
def order() -> OrderEvent:
    return a_completed_order()


def lose_the_reply(connection: Connection, message: AlimtalkMessage) -> None:
    connection.wire.after(connection.provider.sends_at, lose_reply)
    with pytest.raises(OutcomeUnknown):
        connection.send(message)


def test_a_reply_later_than_the_time_out_leaves_the_outcome_unknown(
    connection: Connection, message: AlimtalkMessage
) -> None:
    connection.control_sending(timeoutAfterAcceptNext=1, timeoutMs=TIMEOUT_MS)

    with impatient(connection) as adapter, pytest.raises(OutcomeUnknown):
        adapter.send(message, lambda: True)

    wait_until(connection.sent, "the message to be accepted")
    if connection.provider.found_by != "nothing":
        assert connection.find(message) is not None


def test_a_message_accepted_after_the_time_out_is_found_then(
    connection: Connection, message: AlimtalkMessage
) -> None:
    connection.control_sending(timeoutBeforeAcceptNext=1, timeoutMs=TIMEOUT_MS)

    with impatient(connection) as adapter, pytest.raises(OutcomeUnknown):
        adapter.send(message, lambda: True)

    assert connection.sent() == []
    if connection.provider.found_by != "nothing":
        assert connection.find(message) is None
    wait_until(connection.sent, "the message to be accepted")
    if connection.provider.found_by != "nothing":
        assert connection.find(message) is not None


def test_a_message_sent_again_without_a_look_up_meets_its_safeguard(
    connection: Connection, message: AlimtalkMessage
) -> None:
    lose_the_reply(connection, message)

    match connection.provider.repeats:
        case "refused":
            with pytest.raises(OutcomeUnknown, match="-1005"):
                connection.send(message)
        case "same message":
            assert connection.send(message) == connection.find(message)
        case "second message":
            connection.send(message)
    doubled = connection.provider.repeats == "second message"
    assert len(connection.sent()) == (2 if doubled else 1)


def test_the_second_attempt_after_a_lost_reply_sends_nothing(
    connection: Connection, order: OrderEvent
) -> None:
    message = a_message_for(order)
    lose_the_reply(connection, message)

    if connection.provider.found_by == "nothing":
        with pytest.raises(Unanswerable):
            second_attempt(connection, order)
    else:
        assert second_attempt(connection, order) == connection.find(message)
    assert len(connection.sent()) == 1


def test_the_second_attempt_after_a_lost_request_sends_once(
    connection: Connection, order: OrderEvent
) -> None:
    connection.wire.before(connection.provider.sends_at, lose)
    with pytest.raises(OutcomeUnknown):
        connection.send(a_message_for(order))
    assert connection.sent() == []

    if connection.provider.found_by == "nothing":
        with pytest.raises(Unanswerable):
            second_attempt(connection, order)
        assert connection.sent() == []
    else:
        assert second_attempt(connection, order)
        assert len(connection.sent()) == 1


def test_a_second_attempt_when_keys_have_expired_sends_nothing(
    connection: Connection, order: OrderEvent
) -> None:
    lose_the_reply(connection, a_message_for(order))
    connection.doubles.pass_time(11 * 60)

    if connection.provider.found_by == "nothing":
        with pytest.raises(Unanswerable):
            second_attempt(connection, order)
    else:
        second_attempt(connection, order)
    assert len(connection.sent()) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_error_after_acceptance_leaves_the_outcome_unknown(
    connection: Connection, message: AlimtalkMessage, status: int
) -> None:
    connection.wire.after(connection.provider.sends_at, answer_instead(status))

    with pytest.raises(OutcomeUnknown):
        connection.send(message)

    assert len(connection.sent()) == 1
    if connection.provider.found_by != "nothing":
        assert connection.find(message) is not None


@pytest.mark.parametrize("status", [302, 404, 408, 503])
def test_a_status_that_may_hide_an_acceptance_leaves_the_outcome_unknown(
    connection: Connection, order: OrderEvent, status: int
) -> None:
    connection.wire.after(connection.provider.sends_at, answer_instead(status))
    send_alimtalk = SendAlimtalk(connection.adapter, PROCESSING_SECONDS, WRITE_ALIMTALK)

    with pytest.raises(OutcomeUnknown):
        send_alimtalk(a_delivery(order, attempt=1), lambda: True)

    assert len(connection.sent()) == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"<html>maintenance</html>", b'{"code": 0}'])
def test_an_unreadable_reply_leaves_the_outcome_unknown(
    connection: Connection, message: AlimtalkMessage, content: bytes
) -> None:
    connection.wire.after(connection.provider.sends_at, answer_instead(200, content))

    with pytest.raises(OutcomeUnknown):
        connection.send(message)

    assert len(connection.sent()) == 1
