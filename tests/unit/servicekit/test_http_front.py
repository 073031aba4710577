"""A front answers ahead of the application, at once or later, without mixing up connections."""

import re
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from gunicorn.http.message import Request

from servicekit.config import HttpTimeouts
from servicekit.http.connection_loop import MAX_QUEUED_PER_THREAD
from servicekit.http.front import Later, set_front
from servicekit.http.server import HttpServer
from tests.support.waiting import wait_until

PutReply = Callable[[bytes | None], None]


def reply(text: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


class PathFront:
    """Answers ``/now``, holds ``/later`` and its like, fails at ``/broken``, and leaves the rest."""

    def __init__(self) -> None:
        self.held: list[tuple[str, PutReply]] = []

    def __call__(self, request: Request) -> bytes | Later | None:
        if request.path == "/now":
            return reply("now")
        if request.path.startswith("/later"):
            return lambda put_reply: self.held.append((request.path, put_reply))
        if request.path == "/broken":
            raise ValueError
        if request.path == "/broken-later":
            return self._fail
        return None

    def _fail(self, _put_reply: PutReply) -> None:
        raise ValueError

    def wait_for(self, number: int) -> list[PutReply]:
        wait_until(lambda: len(self.held) >= number, f"{number} held requests")
        return [put_reply for _, put_reply in self.held]


@pytest.fixture
def front() -> PathFront:
    return PathFront()


@pytest.fixture
def server(front: PathFront) -> Iterator[HttpServer]:
    app = Flask("servicekit")

    @app.get("/<path:name>")
    def show(name: str) -> str:
        return f"flask {name}"

    set_front(app, front)
    timeouts = HttpTimeouts(http_request_timeout_seconds=5)
    with HttpServer(app, "127.0.0.1", 0, threads=1, timeouts=timeouts) as server:
        yield server


class Client:
    def __init__(self, server: HttpServer) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        self._received = b""

    def ask(self, *paths: str) -> "Client":
        """All at once, in one packet."""
        self._socket.sendall(b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths))
        return self

    def body(self) -> str:
        """Of the next reply; its status where that is an error."""
        while (head_end := self._received.find(b"\r\n\r\n")) < 0:
            self._receive()
        head = self._received[:head_end].decode()
        [length] = re.findall(r"(?i)\r\ncontent-length: (\d+)", head)
        end = head_end + 4 + int(length)
        while len(self._received) < end:
            self._receive()
        body = self._received[head_end + 4 : end].decode()
        self._received = self._received[end:]
        status = head.split()[1]
        return body if status == "200" else status

    def _receive(self) -> None:
        data = self._socket.recv(65536)
        assert data, f"closed after {self._received!r}"
        self._received += data

    def close(self) -> None:
        self._socket.close()


def test_a_front_answers_at_once_or_leaves_it_to_the_application(server: HttpServer) -> None:
    client = Client(server)
    answers = [client.ask(path).body() for path in ("/now", "/other", "/now", "/broken")]
    assert answers == ["now", "flask other", "now", "flask broken"]


def test_requests_of_one_connection_are_answered_in_their_order(server: HttpServer, front: PathFront) -> None:
    client = Client(server).ask("/now", "/later", "/now", "/other", "/later", "/now")
    assert client.body() == "now"
    front.wait_for(1)[0](reply("later"))
    assert [client.body() for _ in range(3)] == ["later", "now", "flask other"]
    front.wait_for(2)[1](reply("again"))
    assert [client.body() for _ in range(2)] == ["again", "now"]


def test_each_connection_gets_the_reply_to_its_own_request(server: HttpServer, front: PathFront) -> None:
    clients = [Client(server).ask(f"/later/{number}") for number in range(20)]
    front.wait_for(20)
    threads = [
        threading.Thread(target=put_reply, args=(reply(path),)) for path, put_reply in reversed(front.held)
    ]
    for thread in threads:
        thread.start()
    assert [client.body() for client in clients] == [f"/later/{number}" for number in range(20)]


def test_the_application_answers_what_a_front_gives_back(server: HttpServer, front: PathFront) -> None:
    client = Client(server).ask("/later", "/now")
    front.wait_for(1)[0](None)
    assert [client.body(), client.body()] == ["flask later", "now"]


def test_the_application_answers_what_a_front_cannot_begin(server: HttpServer, front: PathFront) -> None:
    client = Client(server)
    for _ in range(2 * MAX_QUEUED_PER_THREAD):
        assert client.ask("/broken-later").body() == "flask broken-later"
    # None of them is held.
    client.ask("/later")
    front.wait_for(1)[0](reply("later"))
    assert client.body() == "later"


def test_a_client_that_leaves_takes_nobody_with_it(server: HttpServer, front: PathFront) -> None:
    leaving, staying = Client(server).ask("/later"), Client(server).ask("/later")
    held = front.wait_for(2)
    leaving.close()
    for put_reply in held:
        put_reply(reply("later"))
    assert staying.body() == "later"
    assert staying.ask("/now").body() == "now"


def test_more_than_a_front_may_hold_is_refused_at_once(server: HttpServer, front: PathFront) -> None:
    clients = [Client(server).ask("/later") for _ in range(MAX_QUEUED_PER_THREAD)]
    front.wait_for(MAX_QUEUED_PER_THREAD)
    one_more = Client(server)

    assert one_more.ask("/later").body() == "503"

    # What needs no place is answered.
    assert one_more.ask("/now").body() == "now"
    assert one_more.ask("/other").body() == "flask other"
    for put_reply in front.wait_for(MAX_QUEUED_PER_THREAD):
        put_reply(reply("later"))
    assert [client.body() for client in clients] == ["later"] * MAX_QUEUED_PER_THREAD
    one_more.ask("/later")
    front.wait_for(MAX_QUEUED_PER_THREAD + 1)[-1](reply("later"))
    assert one_more.body() == "later"


def test_a_server_that_stops_answers_what_its_front_holds(server: HttpServer, front: PathFront) -> None:
    client = Client(server).ask("/later")
    [put_reply] = front.wait_for(1)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    put_reply(reply("later"))
    assert client.body() == "later"
    stopping.join(10)
    assert not stopping.is_alive()


def test_a_client_that_sends_early_costs_no_processor_time(server: HttpServer, front: PathFront) -> None:
    """Its bytes wait in the kernel: a loop that goes on looking at them would never sleep."""
    clients = [Client(server).ask("/later") for _ in range(4)]
    held = front.wait_for(4)
    for client in clients:
        client.ask("/now")
    looked: list[float] = []
    loop = server._loop  # noqa: SLF001 - nothing else shows how often it wakes up
    assert loop is not None
    run_once = loop.run_once

    def counting(timeout_seconds: float = 1.0) -> None:
        looked.append(timeout_seconds)
        run_once(timeout_seconds)

    loop.run_once = counting  # type: ignore[method-assign]
    assert Client(server).ask("/now").body() == "now"
    threading.Event().wait(0.5)
    assert len(looked) < 50
    for put_reply in held:
        put_reply(reply("later"))
    assert [(client.body(), client.body()) for client in clients] == [("later", "now")] * 4
