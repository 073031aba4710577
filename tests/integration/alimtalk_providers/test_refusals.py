"""Refusals: which ones may be tried again, which ones are final, and that nothing reaches the recipient."""

from dataclasses import replace

import pytest

from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.errors import DeliveryFailed, OutcomeUnknown, ReceiverUnavailable
from notification_service.domain.failure_reason import FailureReason
from tests.integration.alimtalk_providers.connection import Connection
from tests.integration.alimtalk_providers.providers import NUMBER
from tests.integration.alimtalk_providers.wire import answer_instead

TEMPLATE = """\
[주문완료] #{name}님, 주문이 완료되었습니다.

- 주문번호: #{orderId}
- 주문수량: #{itemCount}개
- 결제금액: #{totalAmount}

이용해 주셔서 감사합니다."""


def refused(connection: Connection, message: AlimtalkMessage) -> DeliveryFailed:
    """The error; nobody has got the message."""
    with pytest.raises(DeliveryFailed) as failure:
        connection.send(message)
    assert connection.sent() == []
    return failure.value


def test_a_limit_of_calls_asks_for_the_pause_and_sends_nothing(
    connection: Connection, message: AlimtalkMessage
) -> None:
    connection.control_sending(throttleNext=1)

    failure = refused(connection, message)

    assert isinstance(failure, ReceiverUnavailable)
    assert (failure.reason, failure.retry_after_seconds) == (FailureReason.RECEIVER_BUSY, 1.0)
    assert connection.send(message)
    assert len(connection.sent()) == 1


def test_503_may_be_tried_again_and_sends_nothing(connection: Connection, message: AlimtalkMessage) -> None:
    connection.control_sending(failNext=1)

    assert isinstance(refused(connection, message), ReceiverUnavailable)

    assert connection.send(message)
    assert len(connection.sent()) == 1


def test_503_to_a_look_up_is_no_answer(connection: Connection, message: AlimtalkMessage) -> None:
    connection.control(failNextLookups=1)

    nothing = connection.provider.found_by == "nothing"
    with pytest.raises(OutcomeUnknown if nothing else ReceiverUnavailable):
        connection.find(message)


@pytest.mark.parametrize("status", [400, 404, 500])
def test_an_error_answering_a_look_up_is_never_no_message(
    connection: Connection, message: AlimtalkMessage, status: int
) -> None:
    connection.send(message)
    for path in ("/messages", "/list"):
        connection.wire.after(f"GET {path}", answer_instead(status, b"<html>gateway</html>"))

    with pytest.raises((ReceiverUnavailable, OutcomeUnknown)):
        connection.find(message)


def test_a_refused_recipient_is_rejected(connection: Connection, message: AlimtalkMessage) -> None:
    assert message.recipient_number == NUMBER
    connection.control(**connection.provider.refused_number)

    assert type(refused(connection, message)) is connection.provider.refusal


def test_a_request_refused_for_good_is_rejected(connection: Connection, message: AlimtalkMessage) -> None:
    connection.control_sending(rejectNext=1)

    failure = refused(connection, message)

    # SOLAPI refuses its last call also if the group was sent before; its look-up tells.
    expected = OutcomeUnknown if connection.provider.name == "solapi" else connection.provider.refusal
    assert type(failure) is expected


@pytest.mark.parametrize("status", ["REQUESTED", "REVIEWING", "REJECTED"])
def test_a_template_without_approval_is_rejected(
    connection: Connection, message: AlimtalkMessage, status: str
) -> None:
    connection.put_template(TEMPLATE, status)

    if connection.provider.checks_templates:
        assert type(refused(connection, message)) is connection.provider.template_refusal
    else:
        assert connection.send(message)


@pytest.mark.parametrize(
    "content",
    [TEMPLATE + "\n#{coupon}", TEMPLATE.replace("#{itemCount}", "2")],
    ids=["variable-missing", "variable-too-many"],
)
def test_other_variables_than_the_templates_are_rejected(
    connection: Connection, message: AlimtalkMessage, content: str
) -> None:
    connection.put_template(content)

    match connection.provider.compares_text:
        case "at once":
            assert type(refused(connection, message)) is connection.provider.template_refusal
        case "after acceptance" if "#{coupon}" in content:
            check_fails_later(connection, message)
        case "after acceptance" | "never":
            # The finished text fits a template with a fixed number, too.
            assert connection.send(message)


def test_a_text_unlike_the_template_is_never_delivered(
    connection: Connection, message: AlimtalkMessage
) -> None:
    connection.put_template(TEMPLATE.replace("감사합니다", "고맙습니다"))

    match connection.provider.compares_text:
        case "at once":
            # These make the text themselves, and send what is registered.
            connection.send(message)
            assert connection.sent()[0]["content"] == message.content.replace("감사합니다", "고맙습니다")
        case "after acceptance":
            check_fails_later(connection, message)
        case "never":
            assert connection.send(message)


def check_fails_later(connection: Connection, message: AlimtalkMessage) -> None:
    """The provider accepts the text, and Kakao refuses it: only a result would tell."""
    connection.send(message)
    connection.doubles.pass_time(60)
    (sent,) = connection.sent()
    assert (sent["stage"], sent["resultCode"]) == ("FAILED", "3016")


def test_a_number_that_is_no_mobile_number_is_never_delivered(
    connection: Connection, message: AlimtalkMessage
) -> None:
    message = replace(message, recipient_number="0215880000")

    if connection.provider.name == "solapi":
        # It accepts any number, and reports later that it is wrong.
        connection.send(message)
        connection.doubles.pass_time(60)
        assert [sent["stage"] for sent in connection.sent()] == ["FAILED"]
    else:
        failure = refused(connection, message)
        # SENS documents no code but A000 for requests, so that an unknown one leads to a look-up.
        expected = OutcomeUnknown if connection.provider.name == "sens" else connection.provider.refusal
        assert type(failure) is expected
