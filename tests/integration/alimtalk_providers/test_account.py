"""An account at fault: every message fails until it is corrected, none is rejected, and an alarm goes off."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from notification_service.domain.alimtalk_codes import ALIGO_CODES, SENS_CODES
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import CodeClass
from notification_service.domain.errors import DeliveryFailed, OutcomeUnknown, ReceiverUnavailable
from tests.integration.alimtalk_providers.connection import Connection

AN_HOUR = 3600.0


@contextmanager
def alarm(expected: bool) -> Iterator[None]:
    """Whether an operator is called within the block."""
    with capture_logs() as logs:
        yield
    events = [(log["event"], log["log_level"]) for log in logs]
    assert (("alimtalk_provider_stopped", "error") in events) is expected


def unavailable(connection: Connection) -> type[DeliveryFailed]:
    return OutcomeUnknown if connection.provider.name == "aligo" else ReceiverUnavailable


def test_a_wrong_key_stops_everything_and_alarms(connection: Connection, message: AlimtalkMessage) -> None:
    adapter = connection.adapter_with("wrong")
    if not connection.provider.secret:
        assert adapter.send(message, lambda: True)
        return

    # Aligo's codes are unsure, so that they neither stop nor alarm.
    with alarm(connection.provider.name != "aligo"), pytest.raises(unavailable(connection)):
        adapter.send(message, lambda: True)

    assert connection.sent() == []


def test_a_wrong_key_never_makes_a_look_up_answer_no(
    authenticating: Connection, message: AlimtalkMessage
) -> None:
    authenticating.send(message)

    with pytest.raises(unavailable(authenticating)):
        authenticating.adapter_with("wrong").find(message)


def test_an_empty_account_stops_everything_and_alarms(
    connection: Connection, message: AlimtalkMessage
) -> None:
    if not connection.provider.counts_messages_left:
        # No code for it is documented.
        codes = {"sens": SENS_CODES, "aligo": ALIGO_CODES}.get(connection.provider.name)
        assert codes is None or CodeClass.STOP_AND_ALARM not in codes.classes.values()
        return
    connection.control(messagesLeft=0)

    with alarm(True), pytest.raises(ReceiverUnavailable):
        connection.send(message)

    assert connection.sent() == []
    connection.control(messagesLeft=1)
    assert connection.send(message)
    assert len(connection.sent()) == 1


def test_a_balance_used_up_between_two_calls_alarms(solapi: Connection, message: AlimtalkMessage) -> None:
    solapi.wire.before("POST /send", lambda: solapi.control(messagesLeft=0))

    with alarm(True), pytest.raises(ReceiverUnavailable):
        solapi.send(message)

    assert solapi.sent() == []
    solapi.control(messagesLeft=1)
    assert solapi.send(message)
    assert len(solapi.sent()) == 1


@pytest.mark.parametrize("seconds", [AN_HOUR, -AN_HOUR], ids=["ahead", "behind"])
def test_a_wrong_clock_of_ours_is_no_rejection(
    connection: Connection, message: AlimtalkMessage, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    if connection.provider.skew is None:
        assert connection.send(message)
        assert not [request for request in sent_headers(connection) if "timestamp" in request]
        return
    connection.provider.skew(monkeypatch, seconds)

    with pytest.raises(ReceiverUnavailable):
        connection.send(message)
    with pytest.raises(ReceiverUnavailable):
        connection.find(message)

    monkeypatch.undo()
    assert connection.sent() == []
    assert connection.send(message)


def sent_headers(connection: Connection) -> list[str]:
    return [name for headers in connection.wire.headers for name in headers]
