"""What a provider is asked, in which attempt."""

from functools import partial

import httpx
import pytest

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.errors import NotConfirmed, NotSent, Unanswerable
from tests.support.notification_builders import WRITE_ALIMTALK, a_delivery


class Calls:
    """The methods that a provider was called with; it has a message of every reference, or none."""

    def __init__(self, *, finds: bool = False) -> None:
        self.methods: list[str] = []
        self._found = [{"messageId": "found"}] if finds else []
        client = httpx.Client(transport=httpx.MockTransport(self._reply))
        self.send_alimtalk = SendAlimtalk(
            SandboxAlimtalkProvider(client, "http://provider"), 60.0, WRITE_ALIMTALK
        )

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.methods.append(request.method)
        body = {"messages": self._found} if request.method == "GET" else {"messageId": "sent"}
        return httpx.Response(200, json=body)


def test_the_first_attempt_sends_without_a_look_up() -> None:
    calls = Calls()

    receipt = calls.send_alimtalk(a_delivery(attempt=1), lambda: True)

    assert (receipt.reference, receipt.was_sent) == ("sent", True)
    assert calls.methods == ["POST"]


@pytest.mark.parametrize(
    ("finds", "result", "methods"), [(True, "found", ["GET"]), (False, "sent", ["GET", "POST"])]
)
def test_a_later_attempt_sends_only_what_the_provider_does_not_have(
    finds: bool, result: str, methods: list[str]
) -> None:
    calls = Calls(finds=finds)

    receipt = calls.send_alimtalk(a_delivery(attempt=2), lambda: True)

    assert (receipt.reference, receipt.was_sent) == (result, not finds)
    assert calls.methods == methods


def test_a_message_that_may_still_be_processed_is_not_sent_again() -> None:
    calls = Calls()
    later = partial(a_delivery, provider="sandbox")

    with pytest.raises(NotConfirmed) as early:
        calls.send_alimtalk(later(attempt=2, seconds_since_possibly_sent=59.9), lambda: True)
    assert calls.methods == ["GET"]
    assert early.value.sure_in_seconds == pytest.approx(0.1)

    receipt = calls.send_alimtalk(later(attempt=3, seconds_since_possibly_sent=60.0), lambda: True)
    assert receipt.reference == "sent"


@pytest.mark.parametrize("purpose", Purpose)
def test_what_may_be_at_an_unknown_provider_is_asked_for_and_never_sent(purpose: Purpose) -> None:
    there, elsewhere = Calls(finds=True), Calls()
    delivery = a_delivery(attempt=2, purpose=purpose, provider=None, seconds_since_possibly_sent=60.0)

    receipt = there.send_alimtalk(delivery, lambda: True)
    assert (receipt.reference, receipt.was_sent) == ("found", False)
    with pytest.raises(Unanswerable):
        elsewhere.send_alimtalk(delivery, lambda: True)
    assert (there.methods, elsewhere.methods) == (["GET"], ["GET"])


def test_messages_that_finally_failed_count_neither_as_found_nor_as_sent() -> None:
    calls = Calls(finds=True)
    delivery = a_delivery(attempt=2, provider="sandbox", failed_message_ids=frozenset({"found"}))

    assert calls.send_alimtalk(delivery, lambda: True).reference == "sent"
    assert calls.methods == ["GET", "POST"]


def test_nothing_is_sent_when_the_look_up_took_the_time_that_was_left() -> None:
    calls = Calls()

    with pytest.raises(NotSent):
        calls.send_alimtalk(a_delivery(attempt=2), lambda: False)
    assert calls.methods == ["GET"]


@pytest.mark.parametrize("purpose", Purpose)
def test_what_another_provider_may_have_sent_is_neither_asked_for_nor_sent(purpose: Purpose) -> None:
    calls = Calls()

    with pytest.raises(Unanswerable):
        calls.send_alimtalk(a_delivery(attempt=2, provider="other", purpose=purpose), lambda: True)
    assert calls.methods == []
