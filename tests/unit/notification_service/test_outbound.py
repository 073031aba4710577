"""What an answer, or none, means for a delivery."""

from collections.abc import Callable

import httpx
import pytest

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryRefused,
    DeliveryUnavailable,
    OutcomeUnknown,
)
from notification_service.outbound import exchange, outbound_client

MESSAGE = AlimtalkMessage("event-1", "ORDER_COMPLETED", "01012345678", {"name": "김하늘"}, "[주문완료] …")
Reply = Callable[[httpx.Request], httpx.Response]


def answering(status: int, body: object = None, headers: dict[str, str] | None = None) -> Reply:
    return lambda request: httpx.Response(status, json=body, headers=headers)


def saying(status: int, content: bytes, content_type: str = "application/json") -> Reply:
    headers = {"Content-Type": content_type}
    return lambda request: httpx.Response(status, content=content, headers=headers)


def failing(error: type[httpx.TransportError]) -> Reply:
    def reply(request: httpx.Request) -> httpx.Response:
        raise error("at hand", request=request)

    return reply


def provider(reply: Reply) -> SandboxAlimtalkProvider:
    return SandboxAlimtalkProvider(httpx.Client(transport=httpx.MockTransport(reply)), "http://provider/")


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (failing(httpx.ConnectError), DeliveryUnavailable),
        (failing(httpx.ConnectTimeout), DeliveryUnavailable),
        (failing(httpx.PoolTimeout), DeliveryUnavailable),
        (failing(httpx.ReadTimeout), OutcomeUnknown),
        (failing(httpx.WriteTimeout), OutcomeUnknown),
        (failing(httpx.ReadError), OutcomeUnknown),
        (failing(httpx.WriteError), OutcomeUnknown),
        (failing(httpx.RemoteProtocolError), OutcomeUnknown),
        (answering(429), DeliveryUnavailable),
        (answering(503), DeliveryUnavailable),
        (answering(500), OutcomeUnknown),
        (answering(502), OutcomeUnknown),
        (answering(504), OutcomeUnknown),
        (answering(400, {"type": "urn:problem:invalid-recipient"}), DeliveryRefused),
        (answering(422), DeliveryRefused),
        (answering(401), DeliveryUnavailable),
        (answering(404), DeliveryUnavailable),
        (answering(408, {"type": "urn:problem:incomplete-body"}), DeliveryUnavailable),
        (answering(302, headers={"Location": "http://elsewhere/"}), DeliveryUnavailable),
        (answering(200, {"unexpected": True}), OutcomeUnknown),
        (answering(200, []), OutcomeUnknown),
        (answering(200, {"messageId": "a\x00b"}), OutcomeUnknown),
        (saying(200, b'{"messageId":"\\ud800"}'), OutcomeUnknown),
        (answering(200, {"messageId": ""}), OutcomeUnknown),
        (answering(200, {"messageId": "m" * 1_000}), OutcomeUnknown),
        (answering(200, {"messageId": 7}), OutcomeUnknown),
        (saying(200, b"odd", "text/plain; charset=utf-16"), OutcomeUnknown),
        (saying(400, b"odd", "text/plain; charset=utf-16"), DeliveryRefused),
        (saying(404, b"odd", "text/plain; charset=utf-16"), DeliveryUnavailable),
        (saying(500, b"odd", "text/plain; charset=utf-16"), OutcomeUnknown),
    ],
)
def test_what_an_answer_means(reply: Reply, meaning: type[DeliveryFailed]) -> None:
    with pytest.raises(DeliveryFailed) as failure:
        provider(reply).send(MESSAGE, lambda: True)

    assert type(failure.value) is meaning


def test_an_accepted_message_has_the_providers_id() -> None:
    assert (
        provider(answering(200, {"messageId": "m-1", "status": "ACCEPTED"})).send(MESSAGE, lambda: True)
        == "m-1"
    )


@pytest.mark.parametrize(("messages", "found"), [([], None), ([{"messageId": "m-1"}], "m-1")])
def test_a_look_up_tells_whether_there_is_such_a_message(
    messages: list[dict[str, str]], found: str | None
) -> None:
    assert provider(answering(200, {"messages": messages, "next": None})).find(MESSAGE) == found


def test_a_look_up_whose_answer_makes_no_sense_does_not_say_that_there_is_none() -> None:
    with pytest.raises(OutcomeUnknown):
        provider(answering(200, {"messages": [{"messageId": "a\x00b"}]})).find(MESSAGE)


def test_a_look_up_that_fails_does_not_say_that_there_is_none() -> None:
    with pytest.raises(DeliveryUnavailable):
        provider(answering(404)).find(MESSAGE)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None), ("-1", None), ("", None)])
def test_a_wish_to_be_left_alone_for_a_while_is_heard(header: str, seconds: float | None) -> None:
    client = httpx.Client(transport=httpx.MockTransport(answering(429, headers={"Retry-After": header})))

    with pytest.raises(DeliveryUnavailable) as failure:
        exchange(client, client.build_request("GET", "http://provider/"))

    assert failure.value.retry_after_seconds == seconds


def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    with outbound_client(1.0, 1) as client:
        assert not client.trust_env
