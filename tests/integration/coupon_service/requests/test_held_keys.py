"""A key that a frozen process holds keeps nobody waiting but the press that comes with it."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import Connection, Engine, text

from coupon_service.api import build_application
from coupon_service.http.coupon_requests import ISSUE_RULE, key_owner
from coupon_service.persistence.tables import idempotency_key
from servicekit.http.idempotency import key_of_empty_request
from servicekit.http.server import HttpServer
from servicekit.idempotency.keys import IdempotencyKeys
from servicekit.identifiers import uuid7
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.requests.both_ways import Sent, Sides
from tests.integration.coupon_service.service import accepted, create_coupon, rows, waiting_sessions
from tests.support.waiting import wait_until

FROZEN = (13, 17)
ACCEPTED = b"HTTP/1.1 202 "


@pytest.fixture
def engine(patient_engine: Engine) -> Engine:
    return patient_engine


@pytest.fixture
def sides(engine: Engine, stop: StopSignal) -> Sides:
    application = build_application(engine, stop, max_waiting=1)
    client = application.test_client()
    coupon_id = create_coupon(client)
    accepted(client, 1, coupon_id)
    return Sides(application, {"coupon_id": coupon_id})


def press(user_id: int) -> Sent:
    return Sent("POST", f"/api/v1/users/{user_id}/coupons/{{coupon_id}}/issue").with_headers(
        ("Idempotency-Key", f"press-of-{user_id}")
    )


def uri(sides: Sides, user_id: int) -> str:
    request = sides.request(press(user_id), "")
    assert request is not None
    return str(request.uri)


@contextmanager
def a_frozen_process(engine: Engine, sides: Sides) -> Iterator[Connection]:
    """It has claimed the keys of FROZEN and does not go on."""
    with engine.connect() as connection:
        keys = IdempotencyKeys(connection, idempotency_key)
        for user_id in FROZEN:
            key = key_of_empty_request(
                "POST", ISSUE_RULE, uri(sides, user_id), key_owner(user_id), f"press-of-{user_id}"
            )
            assert keys.claim(key, {"requestId": str(uuid7())}) is None
        yield connection


def test_a_held_key_keeps_its_neighbours_in_a_set_waiting_for_nothing(sides: Sides, engine: Engine) -> None:
    with a_frozen_process(engine, sides):
        with engine.begin() as holder:
            holder.execute(text("LOCK TABLE coupon_request IN SHARE MODE"))
            first = sides.begin(press(2), "")
            wait_until(lambda: waiting_sessions(engine) == 1, "a transaction under way")
            others = [sides.begin(press(user_id), "") for user_id in (12, 13, 14, 17, 18)]
        replies = [reply.result(60) for reply in (first, *others) if isinstance(reply, Future)]
        # What is left to the application are the two.
        assert [reply and reply[: len(ACCEPTED)] for reply in replies] == [
            ACCEPTED, ACCEPTED, None, ACCEPTED, None, ACCEPTED
        ]  # fmt: skip
    stored = rows(engine, "SELECT count(*) AS events FROM outbox GROUP BY xid::text ORDER BY min(position)")
    assert [row.events for row in stored] == [1, 1, 3]


def test_a_press_whose_key_is_held_waits_alone_and_is_accepted(sides: Sides, engine: Engine) -> None:
    with ThreadPoolExecutor(1) as pool, a_frozen_process(engine, sides) as frozen:
        waiting = pool.submit(sides.in_flask, press(13), "")
        wait_until(lambda: waiting_sessions(engine) == 1, "the press to wait")
        assert sides.in_flask(press(14), "").startswith(ACCEPTED)
        assert (sides.at_front(press(15), "") or b"").startswith(ACCEPTED)
        # Where max_waiting is 1, the next one is asked to come again.
        refused = sides.in_flask(press(17), "")
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"urn:problem:database-busy" in refused
        assert b"\r\nRetry-After: " in refused
        assert not waiting.done()
        frozen.rollback()
        assert waiting.result(60).startswith(ACCEPTED)


def test_held_keys_and_held_polls_leave_a_thread_free(sides: Sides, engine: Engine, stop: StopSignal) -> None:
    threads = 4
    application = build_application(engine, stop, max_waiting=threads // 2)
    [coupon] = rows(engine, "SELECT coupon_id FROM coupon")
    request_id = accepted(application.test_client(), 2, coupon.coupon_id)
    with (
        HttpServer(application, "127.0.0.1", 0, threads=threads) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client,
        ThreadPoolExecutor(threads) as pool,
        a_frozen_process(engine, sides),
    ):
        for _ in range(threads // 2):
            pool.submit(client.get, f"/api/v1/coupon-requests/{request_id}?wait=30")
        presses = [
            pool.submit(client.post, uri(sides, user_id), headers={"Idempotency-Key": f"press-of-{user_id}"})
            for user_id in FROZEN
        ]
        wait_until(
            lambda: waiting_sessions(engine) + sum(press.done() for press in presses) == len(FROZEN),
            "each press to wait for its key or to be refused",
        )
        try:
            assert client.get(f"/api/v1/coupons/{coupon.coupon_id}", timeout=10).status_code == 200
        finally:
            stop.set()
