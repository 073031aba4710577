"""SOLAPI: a group of several orders' messages that is left unsent, and the later attempts at each of them."""

import pytest

from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.errors import NotSent, OutcomeUnknown
from notification_service.domain.order_event import OrderEvent
from tests.integration.alimtalk_providers.connection import Connection
from tests.integration.alimtalk_providers.later_attempts import second_attempt
from tests.integration.alimtalk_providers.sent_batches import batches, got, send, wanted
from tests.integration.alimtalk_providers.wire import Killed, kill
from tests.integration.provider_sandbox.solapi_client import SolapiClient


@pytest.fixture
def group(solapi: Connection, messages: list[AlimtalkMessage]) -> str:
    """The id of a group of all the messages, whose process was killed before it sent it."""
    solapi.wire.before("POST /send", kill)
    with pytest.raises(Killed):
        send(solapi, messages)
    return solapi.wire.calls[-1].removesuffix("/send").rpartition("/")[2]


def send_late(solapi: Connection, group: str) -> None:
    """Let the request to send the group arrive while an attempt, which has seen it PENDING, deletes it."""
    client = SolapiClient(solapi.doubles.http)

    def arrive() -> None:
        client.send_group(group).raise_for_status()

    solapi.wire.before(f"DELETE /{group}", arrive)


def test_an_unsent_group_is_not_sent_for_one_of_its_messages(
    solapi: Connection, group: str, messages: list[AlimtalkMessage], orders: list[OrderEvent]
) -> None:
    """The others may be at another provider by now, or given up."""
    assert second_attempt(solapi, orders[0])

    assert got(solapi) == wanted(messages[:1])
    assert SolapiClient(solapi.doubles.http).group(group)["status"] == "DELETED"


def test_a_group_sent_before_it_could_be_deleted_doubles_nothing(
    solapi: Connection, group: str, messages: list[AlimtalkMessage], orders: list[OrderEvent]
) -> None:
    send_late(solapi, group)

    assert [second_attempt(solapi, order) for order in orders] == [
        solapi.find(message) for message in messages
    ]
    assert got(solapi) == wanted(messages)


def test_a_group_sent_right_before_it_was_deleted_doubles_nothing(
    solapi: Connection, group: str, messages: list[AlimtalkMessage], orders: list[OrderEvent]
) -> None:
    solapi.control(deletesSent=True)
    send_late(solapi, group)

    with pytest.raises(OutcomeUnknown):
        second_attempt(solapi, orders[0])
    assert SolapiClient(solapi.doubles.http).group(group)["status"] == "DELETED"

    for order in orders:
        assert second_attempt(solapi, order)
    assert got(solapi) == wanted(messages)


def test_a_group_that_may_not_be_sent_is_deleted(solapi: Connection, messages: list[AlimtalkMessage]) -> None:
    answers = iter([True, True])

    with pytest.raises(NotSent):
        batches(solapi).send(messages, lambda: next(answers, False))

    group = solapi.wire.calls[-1].rpartition("/")[2]
    assert SolapiClient(solapi.doubles.http).group(group)["status"] == "DELETED"
    assert solapi.sent() == []


def test_attempts_that_delete_one_group_at_once_all_go_on(
    solapi: Connection, group: str, messages: list[AlimtalkMessage], orders: list[OrderEvent]
) -> None:
    client = SolapiClient(solapi.doubles.http)

    def delete_first() -> None:
        client.delete_group(group).raise_for_status()

    solapi.wire.before(f"DELETE /{group}", delete_first)

    for order in orders:
        assert second_attempt(solapi, order)
    assert got(solapi) == wanted(messages)
