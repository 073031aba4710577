"""Users watch their requests: places, decisions, refusals, and clients that misbehave."""

import socket
import threading
from collections.abc import Collection
from contextlib import ExitStack
from functools import partial
from uuid import UUID

import httpx
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from coupon_service.application.ports import StandingRequest
from coupon_service.application.watch_requests import Round, WatchRequests
from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.identifiers import uuid7
from tests.integration.coupon_service.service import (
    a_handler,
    a_stored_event,
    accepted,
    create_coupon,
    published_events,
    request_of,
    waiting_sessions,
)
from tests.integration.coupon_service.watch_server import (
    a_watch_server,
    address,
    connect_to_events,
    events_url,
)
from tests.support.streams import Watcher
from tests.support.waiting import wait_until


@pytest.fixture
def refresh(engine: Engine) -> WatchRequests:
    return WatchRequests(partial(CouponUnitOfWork, engine, CONSUMER_GROUP))


def decide_next(engine: Engine, events: int, already: int = 0) -> None:
    """Decide so many of the outbox's events, in its order."""
    a_handler(engine).handle(published_events(engine)[already : already + events])


def test_a_watcher_learns_its_places_and_then_its_decision(
    engine: Engine, refresh: WatchRequests, client: FlaskClient
) -> None:
    coupon_id = create_coupon(client, totalQuantity=1)
    requests = [accepted(client, user_id, coupon_id) for user_id in (1, 2, 3)]
    with a_watch_server(refresh) as url, Watcher(url, requests[2]) as last:
        wait_until(lambda: last.places == [3], "the third place")
        decide_next(engine, 2)
        wait_until(lambda: last.places == [3, 1], "the first place")
        decide_next(engine, 1, already=2)
        decision = last.decision()
    assert decision["status"] == "REJECTED"
    assert decision == request_of(client, requests[2])


def test_a_decided_and_an_unknown_request_are_answered_at_once(
    engine: Engine, refresh: WatchRequests, client: FlaskClient
) -> None:
    request_id = accepted(client, 1, create_coupon(client))
    decide_next(engine, 1)
    with a_watch_server(refresh) as url:
        with Watcher(url, request_id) as decided:
            assert decided.decision()["status"] == "ISSUED"
        unknown = httpx.get(events_url(url, uuid7()), trust_env=False)
        malformed = httpx.get(events_url(url, "one"), trust_env=False)
        other = httpx.post(events_url(url, request_id), trust_env=False)
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:problem:coupon-request-not-found")
    assert (malformed.status_code, malformed.json()["errors"][0]["field"]) == (422, "path.requestId")
    assert (other.status_code, other.headers["Allow"]) == (405, "GET")


def test_two_windows_of_one_user_get_the_same_decision(
    engine: Engine, refresh: WatchRequests, client: FlaskClient
) -> None:
    request_id = accepted(client, 1, create_coupon(client))
    with a_watch_server(refresh) as url, Watcher(url, request_id) as first:
        wait_until(lambda: first.places == [1], "a place")
        with Watcher(url, request_id) as second:
            wait_until(lambda: second.places == [1], "the same place")
        with Watcher(url, request_id) as third:
            wait_until(lambda: third.places == [1], "the same place")
            decide_next(engine, 1)
            assert first.decision() == third.decision()


def test_a_place_is_unknown_while_an_older_acceptance_is_under_way(
    engine: Engine, refresh: WatchRequests, client: FlaskClient
) -> None:
    coupon_id = create_coupon(client)
    with engine.connect() as older:
        older.execute(text("SELECT pg_current_xact_id()"))
        request_id = accepted(client, 1, coupon_id)
        with a_watch_server(refresh) as url, Watcher(url, request_id) as watcher:
            wait_until(lambda: watcher.places == [None], "no place yet")
            assert request_of(client, request_id)["place"] is None
            older.execute(
                text(
                    "INSERT INTO coupon_request (request_id, coupon_id, user_id, status, requested_at) "
                    "VALUES (:request_id, :coupon_id, 2, 'ACCEPTED', clock_timestamp())"
                ),
                {"request_id": uuid7(), "coupon_id": coupon_id},
            )
            older.commit()
            wait_until(lambda: watcher.places == [None, 2], "the place behind the older one")
            assert request_of(client, request_id)["place"] == 2


def test_a_request_whose_coupon_comes_just_too_late_gets_its_decision(
    engine: Engine, patient_engine: Engine, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rejection has no number, so the coupon's count of decisions doesn't show it."""
    monkeypatch.setattr("coupon_service.application.watch_requests.RECHECK_SECONDS", 0.1)
    refresh = WatchRequests(partial(CouponUnitOfWork, engine, CONSUMER_GROUP))
    event = a_stored_event(engine, 7, coupon_id=1)
    deciding = threading.Thread(target=a_handler(patient_engine).handle, args=([event],))
    with a_watch_server(refresh) as url, ExitStack() as stack:
        with patient_engine.begin() as other:
            other.execute(text("SELECT 1 FROM coupon_request FOR UPDATE"))
            deciding.start()
            wait_until(lambda: waiting_sessions(engine) == 1, "the worker, which has found no coupon")
            assert create_coupon(client) == 1
            watcher = stack.enter_context(Watcher(url, event.request_id))
            wait_until(lambda: watcher.places == [1], "a place")
        deciding.join(20)
        assert watcher.decision()["reason"] == "UNKNOWN_COUPON"


def test_watchers_beyond_the_limit_get_503_with_retry_after(
    engine: Engine, refresh: WatchRequests, client: FlaskClient
) -> None:
    request_id = accepted(client, 1, create_coupon(client))
    with a_watch_server(refresh, max_watchers=1) as url, Watcher(url, request_id) as watcher:
        wait_until(lambda: watcher.places == [1], "a place")
        refused = httpx.get(events_url(url, request_id), trust_env=False)
        assert refused.status_code == 503
        assert 2 <= int(refused.headers["Retry-After"]) <= 10


def test_a_stop_sends_reconnect(engine: Engine, refresh: WatchRequests, client: FlaskClient) -> None:
    request_id = accepted(client, 1, create_coupon(client))
    with a_watch_server(refresh) as url:
        watcher = Watcher(url, request_id)
        watcher.__enter__()
        wait_until(lambda: watcher.places == [1], "a place")
    try:
        wait_until(lambda: watcher.has_ended, "the end of the stream")
        assert watcher.names[-1] == "reconnect"
    finally:
        watcher.__exit__(None, None, None)


def test_clients_that_leave_or_read_nothing_delay_no_other(
    engine: Engine, refresh: WatchRequests, client: FlaskClient
) -> None:
    coupon_id = create_coupon(client)
    requests = [accepted(client, user_id, coupon_id) for user_id in range(1, 31)]
    with a_watch_server(refresh) as url, Watcher(url, requests[-1]) as reader:
        silent = [connect_to_events(url, request_id) for request_id in requests[:20]]
        half_sent = socket.create_connection(address(url))
        half_sent.sendall(b"GET /api/v1/coup")
        wait_until(lambda: reader.places == [30], "a place")
        for connection in silent[:10]:
            connection.close()
        decide_next(engine, 30)
        assert reader.decision()["status"] == "ISSUED"
        half_sent.settimeout(10)
        assert half_sent.recv(1) == b""
        for connection in (*silent[10:], half_sent):
            connection.close()


def test_streams_outlast_a_database_that_is_away(engine: Engine, client: FlaskClient) -> None:
    request_id = accepted(client, 1, create_coupon(client))
    is_away = threading.Event()

    class _SometimesAway(CouponUnitOfWork):
        def __enter__(self) -> "_SometimesAway":
            if is_away.is_set():
                raise ConnectionError("away")
            super().__enter__()
            return self

    refresh = WatchRequests(partial(_SometimesAway, engine, CONSUMER_GROUP))
    with a_watch_server(refresh) as url, Watcher(url, request_id) as watcher:
        wait_until(lambda: watcher.places == [1], "a place")
        is_away.set()
        decide_next(engine, 1)
        refused = httpx.get(events_url(url, request_id), trust_env=False, timeout=20)
        assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
        assert not watcher.has_ended
        is_away.clear()
        assert watcher.decision()["status"] == "ISSUED"


def test_a_database_that_hangs_holds_up_neither_heartbeats_nor_reports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("coupon_service.http.watching.stream.HEARTBEAT_SECONDS", 0.0)
    watched = StandingRequest(coupon_id=1, batch=1, is_undecided=True, decided_count=0)
    has_begun, hangs, continues = threading.Event(), threading.Event(), threading.Event()

    def refresh(arrived: Collection[UUID], left: Collection[UUID]) -> Round:
        if has_begun.is_set():
            hangs.set()
            assert continues.wait(60)
        elif arrived:
            has_begun.set()
        return Round(dict.fromkeys(arrived, watched), (), {}, {})

    with a_watch_server(refresh) as url:
        try:
            with httpx.stream("GET", events_url(url, uuid7()), trust_env=False, timeout=20) as stream:
                assert hangs.wait(20)
                lines = stream.iter_lines()
                wait_until(lambda: next(lines) == ":", "a heartbeat")
            assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
        finally:
            continues.set()


def test_a_poll_says_when_to_come_back(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client)
    accepted(client, 1, coupon_id)
    request_id = accepted(client, 2, coupon_id)
    undecided = client.get(f"/api/v1/coupon-requests/{request_id}")
    assert undecided.get_json()["place"] == 2
    assert 0.1 < undecided.get_json()["nextPollSeconds"] < 0.3
    assert undecided.headers["Retry-After"] == "1"
    decide_next(engine, 2)
    decided = client.get(f"/api/v1/coupon-requests/{request_id}")
    assert (decided.get_json()["place"], decided.get_json()["nextPollSeconds"]) == (None, None)
    assert "Retry-After" not in decided.headers


def test_a_poll_without_a_place_comes_back_later_each_time(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client)
    with engine.connect() as older:
        older.execute(text("SELECT pg_current_xact_id()"))
        request_id = accepted(client, 1, coupon_id)
        new = request_of(client, request_id)
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE coupon_request SET requested_at = requested_at - interval '20 s'")
            )
        old = request_of(client, request_id)
    assert (new["place"], old["place"]) == (None, None)
    assert new["nextPollSeconds"] < 1 < 3 < old["nextPollSeconds"]


def test_a_poll_that_waits_is_answered_when_the_request_is_decided(
    client: FlaskClient, engine: Engine
) -> None:
    request_id = accepted(client, 1, create_coupon(client))
    replies = []

    def wait() -> None:
        own_client = client.application.test_client()
        replies.append(own_client.get(f"/api/v1/coupon-requests/{request_id}?wait=30").get_json())

    waiter = threading.Thread(target=wait)
    waiter.start()
    decide_next(engine, 1)
    waiter.join(20)
    assert replies == [request_of(client, request_id)]
    assert replies[0]["status"] == "ISSUED"
