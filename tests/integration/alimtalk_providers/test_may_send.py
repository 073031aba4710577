"""An attempt that may no longer send: it ends before the step that can't be undone."""

from collections.abc import Callable

import pytest

from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.errors import NotSent
from tests.integration.alimtalk_providers.connection import Connection


def revoked_after(times: int) -> Callable[[], bool]:
    """May send as often as that."""
    left = iter([True] * times)
    return lambda: next(left, False)


def test_an_attempt_that_may_not_send_sends_nothing(connection: Connection, message: AlimtalkMessage) -> None:
    with pytest.raises(NotSent):
        connection.adapter.send(message, lambda: False)

    assert connection.sent() == []
    if connection.provider.found_by != "nothing":
        assert connection.find(message) is None


def test_leave_to_send_is_asked_for_at_the_call_that_sends(
    connection: Connection, message: AlimtalkMessage
) -> None:
    calls_when_asked: list[str] = []

    def may_send() -> bool:
        calls_when_asked.append(connection.wire.calls[-1])
        return True

    connection.adapter.send(message, may_send)

    assert calls_when_asked[-1].endswith(connection.provider.sends_at.split(" ")[1])


def test_a_withdrawn_message_is_sent_once_by_the_next_attempt(
    connection: Connection, message: AlimtalkMessage
) -> None:
    with pytest.raises(NotSent):
        connection.adapter.send(message, lambda: False)

    connection.send(message)

    assert len(connection.sent()) == 1


@pytest.mark.parametrize("calls", [1, 2])
def test_leave_withdrawn_between_calls_keeps_the_group_unsent(
    solapi: Connection, message: AlimtalkMessage, calls: int
) -> None:
    with pytest.raises(NotSent):
        solapi.adapter.send(message, revoked_after(calls))

    assert solapi.sent() == []
    assert solapi.send(message)
    assert len(solapi.sent()) == 1
