"""An exchange ends in time and takes a bounded amount of memory, whatever the receiver answers."""

import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from notification_service.domain.errors import OutcomeUnknown, ReceiverUnavailable
from notification_service.http_client import exchange
from notification_service.monitoring.webhook import MonitoringWebhook
from servicekit.outbound.http_client import create_http_client
from tests.support.notification_builders import a_delivery
from tests.support.slow_receiver import SlowReceiver

TIMEOUT_SECONDS = 0.5
# Of the connection and of the reply together; the rest is for a loaded machine.
LONGEST_SECONDS = 1.0 + TIMEOUT_SECONDS + 2.0
NO_CONTENT = b"HTTP/1.1 204 No Content\r\nServer: slow\r\n\r\n"


def single_bytes(text: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in text]


def test_a_reply_that_comes_byte_by_byte_ends_at_the_deadline() -> None:
    with (
        SlowReceiver(single_bytes(NO_CONTENT), 0.3) as receiver,
        create_http_client(TIMEOUT_SECONDS, 1) as client,
    ):
        started = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            exchange(client, client.build_request("POST", receiver.url, json={}))
        seconds = time.monotonic() - started

    assert seconds < LONGEST_SECONDS


def test_a_post_counts_as_taken_although_its_replys_body_never_ends() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with (
        SlowReceiver([head, *single_bytes(b"x" * 100)], 0.3) as receiver,
        create_http_client(TIMEOUT_SECONDS, 1) as client,
    ):
        started = time.monotonic()
        MonitoringWebhook(client, receiver.url)(a_delivery(), lambda: True)
        seconds = time.monotonic() - started

    assert seconds < LONGEST_SECONDS
    assert receiver.requests == 1


@pytest.fixture
def hanging_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The system's look-up of names hangs, as behind a cut network; returns what it was asked for."""
    original, end = socket.getaddrinfo, threading.Event()
    asked: list[str] = []

    def look_up(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "provider.invalid":
            asked.append(host)
            end.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return original(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield asked
    end.set()


def test_a_name_that_is_not_resolved_in_time_ends_the_exchange(hanging_resolver: list[str]) -> None:
    with create_http_client(TIMEOUT_SECONDS, 1) as client:
        started = time.monotonic()
        for _ in range(2):
            with pytest.raises(ReceiverUnavailable, match="not resolved in time"):
                exchange(client, client.build_request("POST", "http://provider.invalid/", json={}))
        seconds = time.monotonic() - started

    assert seconds < 2 * LONGEST_SECONDS
    # The second asked nothing: threads that hang must not become more and more.
    assert hanging_resolver == ["provider.invalid"]


def test_a_name_that_does_not_exist_is_said() -> None:
    with (
        create_http_client(TIMEOUT_SECONDS, 1) as client,
        pytest.raises(ReceiverUnavailable, match="can't be reached"),
    ):
        exchange(client, client.build_request("POST", "http://provider.invalid./", json={}))


def test_a_host_whose_first_address_refuses_is_reached_by_its_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with SlowReceiver([NO_CONTENT], 0.0) as receiver, create_http_client(TIMEOUT_SECONDS, 1) as client:
        url = httpx.URL(receiver.url)
        original = socket.getaddrinfo

        def look_up(host: str, *arguments: Any, **options: Any) -> Any:
            hosts = ("127.0.0.2", "127.0.0.1") if host == "provider" else (host,)
            return [found for each in hosts for found in original(each, *arguments, **options)]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        request = client.build_request("POST", url.copy_with(host="provider"), json={})
        assert exchange(client, request).status_code == 204


def reply_with(body: bytes, *headers: str) -> list[bytes]:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", ""]
    return ["\r\n".join(lines).encode(), body]


@pytest.mark.parametrize("kind", ["gzip", "plain"])
def test_a_huge_reply_is_not_kept_and_not_expanded(kind: str) -> None:
    zeros = b"0" * 64 * 1024 * 1024
    reply = (
        reply_with(gzip.compress(zeros), "Content-Encoding: gzip") if kind == "gzip" else reply_with(zeros)
    )
    with SlowReceiver(reply, 0.0) as receiver, create_http_client(5.0, 1) as client:
        request = client.build_request("GET", receiver.url)
        tracemalloc.start()
        try:
            response = exchange(client, request)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert response.status_code == 200
    assert response.content == b""
    assert peak_bytes < 4 * 1024 * 1024


@pytest.mark.parametrize(("kilobytes", "is_read"), [(60, True), (200, True), (300, False)])
def test_a_list_may_be_as_long_as_its_request_says(kilobytes: int, *, is_read: bool) -> None:
    body = b"0" * kilobytes * 1024
    with SlowReceiver(reply_with(body), 0.0) as receiver, create_http_client(5.0, 1) as client:
        request = client.build_request("GET", receiver.url)
        response = exchange(client, request, longest_reply_bytes=256 * 1024)

    assert response.content == (body if is_read else b"")


def test_receivers_are_asked_not_to_compress() -> None:
    with create_http_client(TIMEOUT_SECONDS, 1) as client:
        assert client.build_request("GET", "http://provider/").headers["Accept-Encoding"] == "identity"
