"""An exchange ends in time and takes a bounded amount of memory, whatever the receiver answers."""

import gzip
import os
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import httpx
import pycurl
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
def hanging_resolver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The system's look-up of a name without dots hangs, as behind a cut network."""
    # The resolver opens the file of aliases, and waits until its other end is open, too.
    aliases = tmp_path / "aliases"
    os.mkfifo(aliases)
    monkeypatch.setenv("HOSTALIASES", str(aliases))
    yield
    # Fails if nothing waits.
    os.close(os.open(aliases, os.O_WRONLY | os.O_NONBLOCK))


def count_threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.mark.usefixtures("hanging_resolver")
def test_a_name_that_is_not_resolved_in_time_ends_the_exchange() -> None:
    threads = []
    started = time.monotonic()
    with create_http_client(TIMEOUT_SECONDS, 1) as client:
        for _ in range(2):
            with pytest.raises(ReceiverUnavailable, match="not resolved in time"):
                exchange(client, client.build_request("POST", "http://provider/", json={}))
            threads.append(count_threads())
    seconds = time.monotonic() - started

    assert seconds < 2 * LONGEST_SECONDS
    # The second asked nothing: threads that hang must not become more and more.
    assert threads[1] == threads[0]


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
        original = pycurl.Curl

        def knows_provider() -> pycurl.Curl:
            curl = original()
            curl.setopt(pycurl.RESOLVE, [f"provider:{url.port}:127.0.0.2,127.0.0.1"])
            return curl

        monkeypatch.setattr(pycurl, "Curl", knows_provider)
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
