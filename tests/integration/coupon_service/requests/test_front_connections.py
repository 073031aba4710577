"""Presses and polls on real connections: what the loop refuses, and what load balancers send."""

import re
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from uuid import UUID

import pytest
from gunicorn.config import Config
from opentelemetry.trace import NonRecordingSpan, Span, SpanKind
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text

from coupon_service.api import build_application
from coupon_service.config import ApiSettings
from servicekit.config import HttpTimeouts
from servicekit.db.engine import create_engine
from servicekit.http import front_request
from servicekit.http.connection_loop import MAX_QUEUED_PER_THREAD, ConnectionLoop
from servicekit.lifecycle import StopSignal
from servicekit.observability.tracing import begin_span
from tests.integration.coupon_service.service import accepted, create_coupon
from tests.support.waiting import wait_until

PRESS = "/api/v1/users/{user_id}/coupons/{coupon_id}/issue"
POLL = "/api/v1/coupon-requests/{request_id}"


@pytest.fixture
def engine(coupon_database_url: str) -> Iterator[Engine]:
    """Tests hold tables for longer than a request waits for one."""
    settings = ApiSettings(database_url=coupon_database_url, database_lock_timeout_ms=100_000)
    engine = create_engine(settings, "coupon-service-tests")
    yield engine
    engine.dispose()


class Spans:
    """How many the front has begun and ended."""

    def __init__(self) -> None:
        self.begun = self.ended = 0

    def begin(self, name: str, kind: SpanKind, carrier: Mapping[str, str], began_at_ns: int) -> Span:
        own = self

        class Counted(NonRecordingSpan):
            def end(self, end_time: int | None = None) -> None:
                own.ended += 1

        self.begun += 1
        return Counted(begin_span(name, kind, carrier, began_at_ns).get_span_context())


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    spans = Spans()
    monkeypatch.setattr(front_request, "begin_span", spans.begin)
    return spans


class TurnedApi:
    """The API, whose loop goes round only in :meth:`turn`: what was sent before arrives in one moment."""

    def __init__(self, engine: Engine, stop: StopSignal, threads: int) -> None:
        application = build_application(engine, stop, max_waiting=1)
        self._loop = ConnectionLoop(application, threads, HttpTimeouts(), Config())
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._address = listener.getsockname()
        self._loop.listen([listener])
        self._scope = ExitStack()
        client = application.test_client()
        self.coupon_id = create_coupon(client)
        # From now on the gate knows the coupon.
        self.request_id = accepted(client, 1, self.coupon_id)

    def turn(self) -> None:
        self._loop.run_once(0.05)

    def connect(self, number: int) -> list[socket.socket]:
        open_before = self._loop._connections  # noqa: SLF001 - nothing else shows that they are accepted
        clients = [
            self._scope.enter_context(socket.create_connection(self._address, timeout=30))
            for _ in range(number)
        ]
        while self._loop._connections < open_before + number:  # noqa: SLF001
            self.turn()
        for client in clients:
            client.setblocking(False)
        return clients

    def press(self, clients: Sequence[socket.socket], first_user: int = 100) -> None:
        for user_id, client in enumerate(clients, first_user):
            self._send(client, "POST", PRESS.format(user_id=user_id, coupon_id=self.coupon_id))

    def poll(self, clients: Sequence[socket.socket]) -> None:
        for client in clients:
            self._send(client, "GET", POLL.format(request_id=self.request_id))

    def _send(self, client: socket.socket, method: str, path: str) -> None:
        client.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def statuses(self, clients: Sequence[socket.socket]) -> Counter[int]:
        """Of the next reply of each."""
        found: dict[socket.socket, int] = {}

        def all_replied() -> bool:
            self.turn()
            for client in set(clients) - found.keys():
                try:
                    found[client] = int(client.recv(65_536).split()[1])
                except BlockingIOError:
                    continue
            return len(found) == len(clients)

        wait_until(all_replied, "a reply to each", seconds_between=0)
        return Counter(found.values())

    def finish(self) -> None:
        self._scope.close()
        self._loop.finish(5)


@pytest.fixture
def turned_api(engine: Engine, stop: StopSignal) -> Iterator[Callable[[int], TurnedApi]]:
    made: list[TurnedApi] = []

    def make(threads: int) -> TurnedApi:
        made.append(TurnedApi(engine, stop, threads))
        return made[-1]

    yield make
    for api in made:
        api.finish()


def test_polls_refused_in_an_overload_take_no_place_for_ever(
    turned_api: Callable[[int], TurnedApi], engine: Engine, spans: Spans
) -> None:
    api, room, share = turned_api(1), MAX_QUEUED_PER_THREAD, MAX_QUEUED_PER_THREAD // 2
    pressing, polling = api.connect(room), api.connect(2 * room)
    with engine.begin() as holder:
        # Presses wait, and take all the room there is; the database would answer polls.
        holder.execute(text("LOCK TABLE coupon_request IN SHARE MODE"))
        api.press(pressing)
        api.turn()
        api.poll(polling)
        assert api.statuses(polling) == {503: 2 * room}
        one_more = api.connect(1)
        api.press(one_more)
        assert api.statuses(one_more) == {503: 1}
    assert api.statuses(pressing) == {202: room}

    api.poll(polling[:share])

    assert api.statuses(polling[:share]) == {200: share}
    # What was refused has none.
    assert (spans.begun, spans.ended) == (room + share, room + share)


def test_polls_that_arrive_in_one_moment_leave_half_of_the_room(
    turned_api: Callable[[int], TurnedApi], engine: Engine
) -> None:
    api, share = turned_api(2), MAX_QUEUED_PER_THREAD
    polling, pressing = api.connect(2 * share), api.connect(share)
    with engine.begin() as holder:
        holder.execute(text("LOCK TABLE coupon_request"))
        api.poll(polling)
        # In the same turn: whatever the polls took at first, the presses need it now.
        api.press(pressing)
        api.turn()
    assert api.statuses(pressing) == {202: share}
    assert api.statuses(polling) == {200: share, 503: share}

    # The room is free again.
    api.poll(polling[:share])
    assert api.statuses(polling[:share]) == {200: share}


HAPROXY = (
    "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:8001\r\nuser-agent: curl/8.5.0\r\naccept: */*\r\n"
    "idempotency-key-set-by: load-balancer\r\nidempotency-key: 0198ad1c-9fd4-4c3e-8d55-6a1f0f9e3a11\r\n"
    "x-forwarded-for: 172.18.0.1\r\nconnection: close\r\n\r\n"
)
NGINX = (
    "{method} {path} HTTP/1.0\r\nHost: coupon-api\r\nX-Real-IP: 172.18.0.1\r\nX-Forwarded-For: 172.18.0.1\r\n"
    "X-Forwarded-Proto: https\r\nConnection: close\r\nContent-Length: 0\r\nUser-Agent: curl/8.5.0\r\n\r\n"
)


@pytest.mark.parametrize("head", [HAPROXY, NGINX], ids=["HAProxy", "nginx"])
@pytest.mark.parametrize(
    ("method", "path", "status"), [("POST", PRESS, 202), ("GET", POLL, 200)], ids=["press", "poll"]
)
def test_what_load_balancers_send_is_answered_at_the_front(
    turned_api: Callable[[int], TurnedApi], head: str, method: str, path: str, status: int
) -> None:
    api = turned_api(1)
    target = path.format(user_id=7, coupon_id=api.coupon_id, request_id=api.request_id)
    before = answered_at_the_front()
    [client] = api.connect(1)
    received = b""

    client.sendall(head.format(method=method, path=target).encode())

    def is_closed() -> bool:
        nonlocal received
        api.turn()
        data = client.recv(65_536)
        received += data
        return not data

    wait_until(is_closed, "the end of the reply", seconds_between=0)
    assert int(received.split()[1]) == status
    assert b"\r\nConnection: close\r\n" in received
    assert UUID(re.findall(r'"requestId":"([^"]*)"', received.decode())[0])
    assert answered_at_the_front() == before + 1


def answered_at_the_front() -> int:
    return sum(
        int(sample.value)
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "http_front_requests_total"
    )
