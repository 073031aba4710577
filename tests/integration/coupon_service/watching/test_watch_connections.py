"""Single connections of the watch server: what it refuses, and clients that end their side."""

import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import closing
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY

from coupon_service.application.ports import StandingRequest
from coupon_service.application.watch_requests import Round
from coupon_service.domain.coupon_request import CouponRequest, CouponRequestView, RequestStatus
from coupon_service.domain.line import Line
from servicekit.identifiers import uuid7
from tests.integration.coupon_service.watch_server import (
    a_watch_server,
    address,
    all_received,
    connect,
    connect_to_events,
    events_path,
    events_url,
    received_until,
)
from tests.support.waiting import wait_until

UNKNOWN = UUID(int=1)
WATCHED = StandingRequest(coupon_id=1, batch=1, is_undecided=True, decided_count=0)


def refresh_without_a_database(arrived: Collection[UUID], left: Collection[UUID]) -> Round:
    """Every request but one is undecided, for ever."""
    found = dict.fromkeys(set(arrived) - {UNKNOWN}, WATCHED)
    return Round(found, {UNKNOWN} & set(arrived), {}, {})


@pytest.fixture
def url() -> Iterator[str]:
    with a_watch_server(refresh_without_a_database) as url:
        yield url


@pytest.mark.parametrize(("method", "request_id"), [("GET", UNKNOWN), ("GET", "one"), ("POST", UNKNOWN)])
def test_a_problem_is_the_one_that_the_api_answers_with(
    url: str, client: FlaskClient, method: str, request_id: UUID | str
) -> None:
    headers = {"X-Request-Id": str(uuid4())}
    ours = httpx.request(method, events_url(url, request_id), headers=headers, trust_env=False)
    of_api = client.open(f"/api/v1/coupon-requests/{request_id}", method=method, headers=headers)
    assert ours.status_code == of_api.status_code
    assert ours.headers["Content-Type"] == of_api.content_type
    assert ours.headers["X-Request-Id"] == headers["X-Request-Id"]
    assert ours.json() == of_api.get_json() | {"instance": events_path(request_id)}


def test_a_request_without_an_id_gets_one_in_head_and_problem(url: str) -> None:
    replies = [httpx.get(f"{url}/nothing", trust_env=False) for _ in range(2)]
    ids = [reply.json()["requestId"] for reply in replies]
    assert ids == [reply.headers["X-Request-Id"] for reply in replies]
    assert len(set(ids)) == len({UUID(one) for one in ids}) == 2


@pytest.mark.parametrize(
    ("sent", "status", "detail"),
    [
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400, "The request can't be read: illegal header line."),
        (b"\x16\x03\x01\r\n\r\n", 400, "The request can't be read: illegal request line."),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "The request can't be read: Missing mandatory Host: header."),
        (b"GET /" + b"x" * 20_000, 431, "The request can't be read: Receive buffer too long."),
    ],
)
def test_a_request_that_cannot_be_read_is_not_quoted(url: str, sent: bytes, status: int, detail: str) -> None:
    connection = socket.create_connection(address(url), timeout=20)
    connection.sendall(sent)
    head, _, body = all_received(connection).partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert f'"detail":"{detail}"' in body
    assert "instance" not in body


@pytest.mark.parametrize(
    ("path", "status"), [(events_path(UNKNOWN), 405), ("/nothing", 404), ("/healthz", 200), ("/metrics", 200)]
)
def test_head_is_answered_without_a_body(url: str, path: str, status: int) -> None:
    head, end, body = all_received(connect(url, f"HEAD {path}")).partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert ("\r\nAllow: GET\r\n" in head) == (status == 405)
    assert (end, body) == ("\r\n\r\n", "")


@pytest.mark.parametrize(
    ("path", "status"), [(events_path(UNKNOWN), 404), ("/healthz", 200), ("/readyz", 200)]
)
def test_a_client_that_sends_no_more_is_answered(url: str, path: str, status: int) -> None:
    connection = connect(url, f"GET {path}")
    connection.shutdown(socket.SHUT_WR)
    assert all_received(connection).startswith(f"HTTP/1.1 {status} ")


def test_a_client_that_sends_no_more_gets_its_stream(url: str) -> None:
    with closing(connect_to_events(url, uuid7())) as connection:
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as lines:
            wait_until(lambda: next(lines) == b":\n", "a heartbeat")


def test_a_stop_does_not_wait_for_a_refresh_that_hangs() -> None:
    may_hang, hangs, continues = threading.Event(), threading.Event(), threading.Event()

    def refresh(arrived: Collection[UUID], left: Collection[UUID]) -> Round:
        if may_hang.is_set():
            hangs.set()
            assert continues.wait(60)
        return refresh_without_a_database(arrived, left)

    try:
        with a_watch_server(refresh) as url:
            stream = connect_to_events(url, uuid7())
            received_until(stream, "retry: ")
            may_hang.set()
            assert hangs.wait(20)
            unanswered = connect_to_events(url, uuid7())
            wait_until(lambda: REGISTRY.get_sample_value("coupon_watchers") == 2, "the second stream")
        assert all_received(stream).partition("retry: ")[0] == "event: reconnect\n"
        assert "urn:problem:stopping" in all_received(unanswered)
    finally:
        continues.set()


def test_a_place_that_comes_with_the_decision_is_not_counted_as_sent() -> None:
    request_id, now = uuid7(), datetime.now(UTC)
    request = CouponRequest(request_id, WATCHED.coupon_id, 7, now)
    view = CouponRequestView(request, RequestStatus.ISSUED, None, 1, 1, now)
    decided: dict[UUID, CouponRequestView] = {}
    moved = {WATCHED.coupon_id: Line.of([WATCHED.batch], [5], WATCHED.batch + 1)}

    def refresh(arrived: Collection[UUID], left: Collection[UUID]) -> Round:
        return Round(dict.fromkeys(arrived, WATCHED), (), decided, moved if decided else {})

    def places_sent() -> float | None:
        return REGISTRY.get_sample_value("coupon_watch_events_total", {"event": "place"})

    with a_watch_server(refresh) as url:
        before, stream = places_sent(), connect_to_events(url, request_id)
        received_until(stream, "retry: ")
        decided[request_id] = view
        assert "event: place" not in all_received(stream)
        assert places_sent() == before


def test_a_client_that_has_gone_is_noticed_within_seconds(url: str) -> None:
    with closing(connect_to_events(url, uuid7())) as connection:
        assert connection.recv(1_000).startswith(b"HTTP/1.1 200 ")
        assert REGISTRY.get_sample_value("coupon_watchers") == 1
    wait_until(lambda: REGISTRY.get_sample_value("coupon_watchers") == 0, "the end of the stream", 10)
