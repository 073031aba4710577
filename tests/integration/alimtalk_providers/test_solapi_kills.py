"""SOLAPI takes several calls: a process that is killed at any of them leaves one message at most."""

import pytest

from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.errors import DeliveryFailed
from tests.integration.alimtalk_providers.connection import Connection
from tests.integration.alimtalk_providers.wire import Killed, kill, kill_at_reply

CREATE, ADD, SEND = "POST /groups", "PUT /messages", "POST /send"
CALLS = pytest.mark.parametrize("call", [CREATE, ADD, SEND], ids=["create", "add", "send"])


@CALLS
def test_a_kill_before_a_call_leaves_one_send_to_the_next_attempt(
    solapi: Connection, message: AlimtalkMessage, call: str
) -> None:
    solapi.wire.before(call, kill)
    with pytest.raises(Killed):
        solapi.send(message)
    assert solapi.sent() == []
    assert solapi.find(message) is None

    message_id = solapi.send(message)

    assert [sent["messageId"] for sent in solapi.sent()] == [message_id]


@CALLS
def test_a_kill_at_a_reply_leaves_one_send_in_all(
    solapi: Connection, message: AlimtalkMessage, call: str
) -> None:
    solapi.wire.after(call, kill_at_reply)
    with pytest.raises(Killed):
        solapi.send(message)
    assert len(solapi.sent()) == (1 if call == SEND else 0)

    message_id = solapi.send(message)

    assert [sent["messageId"] for sent in solapi.sent()] == [message_id]


def test_a_group_that_could_be_sent_twice_is_sent_once(solapi: Connection, message: AlimtalkMessage) -> None:
    solapi.control(secondSend="sends-again")
    solapi.wire.after(SEND, kill_at_reply)
    with pytest.raises(Killed):
        solapi.send(message)

    solapi.send(message)
    solapi.doubles.pass_time(60)
    solapi.send(message)

    assert len(solapi.sent()) == 1


def test_three_kills_in_a_row_leave_one_send(solapi: Connection, message: AlimtalkMessage) -> None:
    for call in (CREATE, ADD, SEND):
        solapi.wire.after(call, kill_at_reply)
        with pytest.raises(Killed):
            solapi.send(message)

    solapi.send(message)

    assert len(solapi.sent()) == 1


@pytest.mark.parametrize("call", ["create-group", "add-messages", "send-group"])
@pytest.mark.parametrize("fault", ["failNext", "throttleNext", "rejectNext"])
def test_a_failing_call_leaves_one_send_to_the_next_attempt(
    solapi: Connection, message: AlimtalkMessage, call: str, fault: str
) -> None:
    solapi.control(**{fault: 1}, faultsAt=call)
    with pytest.raises(DeliveryFailed):
        solapi.send(message)
    assert solapi.sent() == []

    solapi.send(message)

    assert len(solapi.sent()) == 1
