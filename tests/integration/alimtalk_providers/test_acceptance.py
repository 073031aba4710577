"""A message that is accepted: once, unchanged, and found again."""

from dataclasses import replace

import pytest

from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.errors import OutcomeUnknown
from tests.integration.alimtalk_providers.connection import Connection
from tests.support.notification_builders import a_completed_order, a_message_for

ODD_NAMES = {
    "hangul": "한글만",
    "emoji": "하늘👩‍👩‍👧🎉",
    "quotes": '"O\'Brien" \\ «김» <b>&amp;</b>',
    "url": "김&이=박;최 100% %26 %EA 1+1 +82",
    "newline": "김\n하늘",
    "braces": "#{orderId} {name}",
}


def test_an_accepted_message_reaches_the_recipient_once(
    connection: Connection, message: AlimtalkMessage
) -> None:
    message_id = connection.send(message)

    assert message_id
    (sent,) = connection.sent()
    assert sent["recipientNo"] == message.recipient_number
    assert sent["content"] == message.content
    if connection.provider.found_by == "reference":
        assert sent["reference"] == message.reference


def test_an_accepted_message_is_found_by_a_later_process(
    connection: Connection, message: AlimtalkMessage
) -> None:
    message_id = connection.send(message)

    if connection.provider.found_by == "nothing":
        with pytest.raises(OutcomeUnknown):
            connection.find(message)
    else:
        assert connection.find(message) == message_id


def test_a_message_never_sent_is_not_found(connection: Connection, message: AlimtalkMessage) -> None:
    if connection.provider.found_by == "nothing":
        with pytest.raises(OutcomeUnknown):
            connection.find(message)
    else:
        assert connection.find(message) is None
    assert connection.sent() == []


def test_orders_of_one_number_do_not_find_each_other(
    connection: Connection, message: AlimtalkMessage, other_message: AlimtalkMessage
) -> None:
    first = connection.send(message)
    if connection.provider.found_by == "nothing":
        with pytest.raises(OutcomeUnknown):
            connection.find(other_message)
        return
    assert connection.find(other_message) is None

    second = connection.send(other_message)

    assert first != second
    assert (connection.find(message), connection.find(other_message)) == (first, second)
    assert len(connection.sent()) == 2


def test_a_second_event_of_one_order_is_told_apart_by_reference_only(
    connection: Connection, message: AlimtalkMessage
) -> None:
    message_id = connection.send(message)
    second_event = replace(message, reference="another-event")

    match connection.provider.found_by:
        case "reference":
            assert connection.find(second_event) is None
        case "text":
            assert connection.find(second_event) == message_id
        case "nothing":
            with pytest.raises(OutcomeUnknown):
                connection.find(second_event)


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES.keys())
def test_odd_characters_come_through_unchanged(connection: Connection, name: str) -> None:
    message = a_message_for(a_completed_order(name=name))

    message_id = connection.send(message)

    (sent,) = connection.sent()
    assert (sent["content"], sent["variables"]) == (message.content, message.variables)
    if connection.provider.found_by != "nothing":
        assert connection.find(message) == message_id


def test_a_message_among_many_of_one_number_is_found(
    looking_up: Connection, message: AlimtalkMessage
) -> None:
    message_id = looking_up.send(message)
    # More than a page of SENS's list; SOLAPI's are longer.
    for _ in range(51 if looking_up.provider.name == "sens" else 11):
        looking_up.send(a_message_for(a_completed_order()))

    assert looking_up.find(message) == message_id


def test_a_provider_20_hours_ahead_of_our_clock_still_finds(
    connection: Connection, message: AlimtalkMessage
) -> None:
    connection.doubles.pass_time(20 * 3600)
    message_id = connection.send(message)

    if connection.provider.found_by == "nothing":
        with pytest.raises(OutcomeUnknown):
            connection.find(message)
    else:
        assert connection.find(message) == message_id
