"""Requests and replies on the wire: connections are kept between whole exchanges; nothing is repeated."""

import queue
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

import certifi
import httpx
import pytest
import trustme

from servicekit.outbound.bounded_transport import BEFORE_SENDING, INCOMPLETE
from servicekit.outbound.curl_handles import CurlHandles
from servicekit.outbound.http_client import create_http_client

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
NO_REPLY = b""
THEN_CLOSE = b"\0"


@dataclass
class Receiver:
    """Answers each request with the next reply, on whatever connection it comes.

    NO_REPLY ends the connection, and THEN_CLOSE does so after the reply before it.
    """

    replies: "queue.Queue[bytes]" = field(default_factory=queue.Queue)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    url: str = ""
    closed: threading.Event = field(default_factory=threading.Event)
    last: socket.socket | None = None

    def then(self, *replies: bytes) -> None:
        for reply in replies:
            self.replies.put(reply)

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self.last = connection
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        # A client that gives up resets it.
        with connection, suppress(ConnectionError):
            while received := connection.recv(65_536):
                self.requests.append(received)
                reply = self.replies.get(timeout=10)
                if reply == NO_REPLY:
                    return
                connection.sendall(reply)
                if not self.replies.empty() and self.replies.queue[0] == THEN_CLOSE:
                    self.replies.get()
                    break
        self.closed.set()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@contextmanager
def receiving() -> Iterator[Receiver]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        receiver = Receiver(url=f"http://127.0.0.1:{listener.getsockname()[1]}/path?query=a%20b")
        thread = threading.Thread(target=receiver.serve, args=(listener,), daemon=True)
        thread.start()
        yield receiver
        # accept() goes on after a mere close.
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with create_http_client(2.0, 2) as client:
        yield client


def post(client: httpx.Client, url: str, **headers: str) -> httpx.Response:
    return client.send(client.build_request("POST", url, json={"a": 1}, headers=headers))


def test_a_request_is_written_whole(receiver: Receiver, client: httpx.Client) -> None:
    receiver.then(OK)

    assert post(client, receiver.url, X="1").status_code == 200

    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /path?query=a%20b HTTP/1.1"
    assert {b"X: 1", b"Content-Length: 7", b"Accept-Encoding: identity"} <= set(lines)
    assert b"Host: " + httpx.URL(receiver.url).netloc in lines
    assert body == b'{"a":1}'


def test_a_connection_is_used_again_after_a_whole_reply(receiver: Receiver, client: httpx.Client) -> None:
    receiver.then(OK, OK, OK)

    assert [post(client, receiver.url).content for _ in range(3)] == [b"ok"] * 3
    assert receiver.connections == 1


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        # What follows would be taken for the next reply.
        OK + OK,
        OK + b"HTTP/1.1 500 Oh",
        OK + b"odd",
        b"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n" + b"x" * 65_537,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
    ],
)  # fmt: skip
def test_no_connection_is_used_again_after_an_odd_reply(
    reply: bytes, receiver: Receiver, client: httpx.Client
) -> None:
    receiver.then(reply, OK)

    assert post(client, receiver.url).content in {b"ok", b""}
    assert post(client, receiver.url).content == b"ok"
    assert receiver.connections == 2


def test_a_connection_that_was_closed_meanwhile_is_not_used(receiver: Receiver, client: httpx.Client) -> None:
    receiver.then(OK, THEN_CLOSE, OK)
    post(client, receiver.url)
    assert receiver.closed.wait(10)

    assert post(client, receiver.url).content == b"ok"
    assert receiver.connections == 2


def test_a_request_whose_connection_ends_is_not_repeated(receiver: Receiver, client: httpx.Client) -> None:
    receiver.then(OK, NO_REPLY, OK)
    post(client, receiver.url)

    with pytest.raises(httpx.RemoteProtocolError, match="without a reply"):
        post(client, receiver.url)

    assert len(receiver.requests) == 2
    assert post(client, receiver.url).content == b"ok"


def test_nothing_is_sent_when_it_may_not_be(receiver: Receiver, client: httpx.Client) -> None:
    class Refused(Exception):
        """Not any more."""

    def refuse() -> None:
        raise Refused

    receiver.then(OK)
    request = client.build_request("POST", receiver.url, extensions={BEFORE_SENDING: refuse})
    with pytest.raises(Refused):
        client.send(request)

    post(client, receiver.url)
    assert len(receiver.requests) == 1


def test_it_is_asked_only_once_it_is_connected(client: httpx.Client) -> None:
    asked: list[bool] = []
    extensions = {BEFORE_SENDING: lambda: asked.append(True)}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(httpx.ConnectError):
        client.send(client.build_request("POST", f"http://127.0.0.1:{port}/", extensions=extensions))

    assert asked == []


def test_a_reply_that_nobody_asked_for_is_not_the_next_one(receiver: Receiver, client: httpx.Client) -> None:
    receiver.then(OK)
    post(client, receiver.url)
    assert receiver.last is not None
    receiver.last.sendall(b"HTTP/1.1 500 Odd\r\nContent-Length: 0\r\n\r\n")

    receiver.then(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    assert post(client, receiver.url).status_code == 201


@pytest.mark.parametrize("name", ["http_proxy", "all_proxy", "HTTP_PROXY"])
def test_a_proxy_of_the_environment_is_not_used(
    name: str, receiver: Receiver, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    receiver.then(OK)

    assert post(client, receiver.url).content == b"ok"


def test_a_redirect_is_not_followed(receiver: Receiver, client: httpx.Client) -> None:
    location = receiver.url.encode()
    receiver.then(b"HTTP/1.1 307 Elsewhere\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % location, OK)

    assert post(client, receiver.url).status_code == 307
    assert len(receiver.requests) == 1


def test_only_headers_of_the_request_are_sent(receiver: Receiver, client: httpx.Client) -> None:
    receiver.then(OK)
    url = receiver.url.replace("//", "//user:password@")
    client.send(httpx.Request("POST", url, headers={"X-Empty": "", "Expect": "100-continue"}, content=b"x"))

    head = receiver.requests[0].partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in head.split(b"\r\n")[1:]]
    assert sorted(names) == [b"Content-Length", b"Host", b"X-Empty"]


def test_a_request_takes_nothing_from_the_one_before(receiver: Receiver, client: httpx.Client) -> None:
    receiver.then(OK, OK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", OK)
    post(client, receiver.url, X="1")
    for method in ("GET", "HEAD", "DELETE"):
        client.send(client.build_request(method, receiver.url))

    for request, line in zip(receiver.requests[1:], (b"GET /", b"HEAD /", b"DELETE /"), strict=True):
        head, _, body = request.partition(b"\r\n\r\n")
        assert head.startswith(line)
        assert (b"X: 1" in head, b"Content-" in head, body) == (False, False, b"")
    assert receiver.connections == 1


def test_a_forked_child_leaves_connections_to_its_parent(receiver: Receiver) -> None:
    script = """if True:
        import os, sys
        from servicekit.outbound.http_client import create_http_client
        client = create_http_client(5.0, 1)
        def send(content):
            client.send(client.build_request("POST", sys.argv[1], content=content))
        send("parent")
        if (child := os.fork()) == 0:
            send("child")
            sys.exit()
        os.waitpid(child, 0)
        send("parent")
    """
    receiver.then(OK, OK, OK)
    subprocess.run([sys.executable, "-c", script, receiver.url], check=True, timeout=60)

    assert [request.rpartition(b"\r\n")[2] for request in receiver.requests] == [
        b"parent",
        b"child",
        b"parent",
    ]
    assert receiver.connections == 2


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\x00b"])
def test_a_header_can_not_bring_another_one(value: str, receiver: Receiver, client: httpx.Client) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        post(client, receiver.url, X=value)

    assert receiver.requests == []


def test_an_informational_reply_is_not_the_reply(receiver: Receiver, client: httpx.Client) -> None:
    receiver.then(b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n" + OK)

    response = post(client, receiver.url)

    assert (response.status_code, response.content, "X" in response.headers) == (200, b"ok", False)


def test_a_chunked_body_is_put_together(receiver: Receiver, client: httpx.Client) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    receiver.then(head + b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n", OK)

    assert post(client, receiver.url).content == b"ok"
    assert post(client, receiver.url).content == b"ok"
    assert receiver.connections == 1


def serve_once(reply: bytes) -> tuple[str, Callable[[], None]]:
    """A receiver that closes the connection after its reply; its URL, and what ends it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(reply)

    threading.Thread(target=answer, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/", listener.close


@pytest.mark.parametrize(
    ("reply", "content", "is_incomplete"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\ntoo short", b"", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", b"", True),
    ],
)
def test_a_body_ends_with_the_connection_only_without_a_length(
    reply: bytes, content: bytes, client: httpx.Client, *, is_incomplete: bool
) -> None:
    url, end = serve_once(reply)
    response = post(client, url)
    end()

    assert (response.status_code, response.content) == (200, content)
    assert (INCOMPLETE in response.extensions) is is_incomplete


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 20",
    ],
)  # fmt: skip
def test_a_malformed_head_is_no_reply(reply: bytes, client: httpx.Client) -> None:
    url, end = serve_once(reply)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        post(client, url)
    end()


def test_a_certificate_that_is_not_trusted_ends_it_before_the_request(
    receiver: Receiver, client: httpx.Client
) -> None:
    receiver.then(b"no TLS at all")

    with pytest.raises(httpx.ConnectError):
        post(client, receiver.url.replace("http:", "https:"))

    assert all(request[0] == 22 for request in receiver.requests), (
        "something else than a TLS handshake was sent"
    )


@pytest.mark.parametrize(
    ("host", "is_trusted", "is_reached"),
    [("127.0.0.1", True, True), ("127.0.0.2", True, False), ("127.0.0.1", False, False)],
)
def test_only_a_trusted_certificate_of_the_host_is_accepted(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_trusted: bool, is_reached: bool
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    if is_trusted:
        monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "authority.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(context)
    received: list[bytes] = []

    with socket.create_server(("127.0.0.1", 0)) as listener, create_http_client(5.0, 1) as client:

        def answer() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with context.wrap_socket(connection, server_side=True) as secured:
                    received.append(secured.recv(65_536))
                    secured.sendall(OK)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        with nullcontext() if is_reached else pytest.raises(httpx.ConnectError):
            assert post(client, url).content == b"ok"
        thread.join(10)

    assert any(received) is is_reached


def test_no_connection_that_is_free_in_time_is_an_error() -> None:
    handles = CurlHandles(1)

    first = handles.take(b"a", 5.0)
    with pytest.raises(httpx.PoolTimeout):
        handles.take(b"a", 0.05)

    handles.give_back(first)
    assert handles.take(b"a", 5.0) is first
    handles.give_back(first)
    third = handles.take(b"b", 5.0)
    assert third.origin == b"b"
    assert first.curl.closed
    handles.give_back(third)
    handles.close()
