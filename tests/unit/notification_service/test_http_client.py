"""What a response, or none, means for a delivery."""

from collections.abc import Callable

import httpx
import pytest

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryRejected,
    OutcomeUnknown,
    ProviderThrottled,
    ReceiverUnavailable,
)
from notification_service.http_client import exchange
from servicekit.outbound.http_client import create_http_client
from tests.support.notification_builders import a_message

Reply = Callable[[httpx.Request], httpx.Response]


def answering(status: int, body: object = None, headers: dict[str, str] | None = None) -> Reply:
    return lambda request: httpx.Response(status, json=body, headers=headers)


def answering_bytes(status: int, content: bytes, content_type: str = "application/json") -> Reply:
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
        (failing(httpx.ConnectError), ReceiverUnavailable),
        (failing(httpx.ConnectTimeout), ReceiverUnavailable),
        (failing(httpx.PoolTimeout), ReceiverUnavailable),
        (failing(httpx.ReadTimeout), OutcomeUnknown),
        (failing(httpx.WriteTimeout), OutcomeUnknown),
        (failing(httpx.ReadError), OutcomeUnknown),
        (failing(httpx.WriteError), OutcomeUnknown),
        (failing(httpx.RemoteProtocolError), OutcomeUnknown),
        (answering(429), ProviderThrottled),
        (answering(503), ReceiverUnavailable),
        (answering(500), OutcomeUnknown),
        (answering(502), OutcomeUnknown),
        (answering(504), OutcomeUnknown),
        (answering(400, {"type": "urn:problem:invalid-recipient"}), DeliveryRejected),
        (answering(422), DeliveryRejected),
        (answering(401), ReceiverUnavailable),
        (answering(404), ReceiverUnavailable),
        (answering(408, {"type": "urn:problem:incomplete-body"}), ReceiverUnavailable),
        (answering(302, headers={"Location": "http://elsewhere/"}), ReceiverUnavailable),
        (answering(200, {"unexpected": True}), OutcomeUnknown),
        (answering(200, []), OutcomeUnknown),
        (answering(200, {"messageId": "a\x00b"}), OutcomeUnknown),
        (answering_bytes(200, b'{"messageId":"\\ud800"}'), OutcomeUnknown),
        (answering(200, {"messageId": ""}), OutcomeUnknown),
        (answering(200, {"messageId": "m" * 1_000}), OutcomeUnknown),
        (answering(200, {"messageId": 7}), OutcomeUnknown),
        (answering_bytes(200, b"odd", "text/plain; charset=utf-16"), OutcomeUnknown),
        (answering_bytes(400, b"odd", "text/plain; charset=utf-16"), DeliveryRejected),
        (answering_bytes(404, b"odd", "text/plain; charset=utf-16"), ReceiverUnavailable),
        (answering_bytes(500, b"odd", "text/plain; charset=utf-16"), OutcomeUnknown),
    ],
)
def test_each_response_has_one_meaning(reply: Reply, meaning: type[DeliveryFailed]) -> None:
    with pytest.raises(DeliveryFailed) as failure:
        provider(reply).send(a_message(), lambda: True)

    assert type(failure.value) is meaning


def test_an_accepted_message_has_the_providers_id() -> None:
    assert (
        provider(answering(200, {"messageId": "m-1", "status": "ACCEPTED"})).send(a_message(), lambda: True)
        == "m-1"
    )


@pytest.mark.parametrize(("messages", "found"), [([], None), ([{"messageId": "m-1"}], "m-1")])
def test_a_look_up_finds_an_accepted_message(messages: list[dict[str, str]], found: str | None) -> None:
    assert provider(answering(200, {"messages": messages, "next": None})).find(a_message()) == found


def test_a_malformed_look_up_does_not_count_as_not_found() -> None:
    with pytest.raises(OutcomeUnknown):
        provider(answering(200, {"messages": [{"messageId": "a\x00b"}]})).find(a_message())


def test_a_failed_look_up_does_not_count_as_not_found() -> None:
    with pytest.raises(ReceiverUnavailable):
        provider(answering(404)).find(a_message())


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None), ("-1", None), ("", None)])
def test_retry_after_in_seconds_is_read(header: str, seconds: float | None) -> None:
    client = httpx.Client(transport=httpx.MockTransport(answering(429, headers={"Retry-After": header})))

    with pytest.raises(ReceiverUnavailable) as failure:
        exchange(client, client.build_request("GET", "http://provider/"))

    assert failure.value.retry_after_seconds == seconds


def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    with create_http_client(1.0, 1) as client:
        assert not client.trust_env
