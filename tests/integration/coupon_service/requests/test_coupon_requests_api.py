"""Asking for a coupon over HTTP, and waiting for the answer."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from coupon_service.api import build_application
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.builders import a_coupon_body
from tests.integration.coupon_service.service import (
    a_handler,
    accepted,
    an_engine,
    count,
    create_coupon,
    press,
    published_events,
    request_of,
    rows,
)
from tests.support.waiting import wait_until


def test_a_request_is_accepted_at_once_and_can_be_read_at_its_location(client: FlaskClient) -> None:
    coupon_id = create_coupon(client)

    reply = client.post(f"/api/v1/users/7/coupons/{coupon_id}/issue", json={})

    assert reply.status_code == 202
    body = reply.get_json()
    assert body == {"requestId": body["requestId"], "status": "ACCEPTED", "message": "요청 접수됨"}
    assert UUID(body["requestId"]).version == 7
    assert reply.headers["Location"] == f"/api/v1/coupon-requests/{body['requestId']}"
    request = client.get(reply.headers["Location"]).get_json()
    assert request | {"requestedAt": "", "nextPollSeconds": 0} == {
        "requestId": body["requestId"],
        "couponId": coupon_id,
        "userId": 7,
        "status": "ACCEPTED",
        "reason": None,
        "decisionNumber": None,
        "issueNumber": None,
        "requestedAt": "",
        "decidedAt": None,
        "place": 1,
        "nextPollSeconds": 0,
    }


def test_the_request_and_its_event_say_the_same(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client)

    request_id = accepted(client, 7, coupon_id)

    [event] = published_events(engine)
    assert event.to_domain().request_id == request_id
    assert (event.user_id, event.coupon_id) == (7, coupon_id)
    [row] = rows(engine, "SELECT requested_at FROM coupon_request")
    assert event.occurred_at == row.requested_at
    [stored] = rows(engine, "SELECT id, topic, aggregatetype, aggregateid, type, source FROM outbox")
    assert stored._asdict() == {
        "id": event.event_id,
        "topic": "coupon-publish-request",
        "aggregatetype": "coupon",
        "aggregateid": str(coupon_id),
        "type": "CouponPublishRequested",
        "source": "/coupon-service",
    }


def test_a_request_whose_event_cannot_be_stored_is_not_stored_either(
    client: FlaskClient, engine: Engine
) -> None:
    coupon_id = create_coupon(client)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE outbox ADD CONSTRAINT refuse_all CHECK (false)"))

    reply = press(client, 7, coupon_id)

    assert reply.status_code == 500
    assert (count(engine, "coupon_request"), count(engine, "outbox")) == (0, 0)


def test_an_event_whose_request_cannot_be_stored_is_not_stored_either(
    client: FlaskClient, engine: Engine
) -> None:
    coupon_id = create_coupon(client)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE coupon_request ADD CONSTRAINT refuse_all CHECK (false)"))

    reply = press(client, 7, coupon_id)

    assert reply.status_code == 500
    assert (count(engine, "coupon_request"), count(engine, "outbox")) == (0, 0)


def test_an_unknown_coupon_is_refused_and_found_once_it_exists(client: FlaskClient, engine: Engine) -> None:
    refused = press(client, 7, 1)

    assert refused.status_code == 404
    assert refused.get_json()["type"] == "urn:problem:coupon-not-found"
    assert refused.get_json()["errors"][0]["field"] == "path.couponId"
    assert count(engine, "outbox") == 0
    assert create_coupon(client) == 1
    # That there was none is remembered for a moment.
    wait_until(lambda: press(client, 7, 1).status_code == 202, "the coupon to be found")


def test_one_press_sent_twice_under_one_key_is_one_request(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client)
    first, second = (press(client, 7, coupon_id, key="press-1") for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.get_json() == second.get_json()
    assert first.headers["Location"] == second.headers["Location"]
    assert (count(engine, "coupon_request"), count(engine, "outbox")) == (1, 1)


def test_only_a_repeated_press_is_marked_as_replayed(client: FlaskClient) -> None:
    coupon_id = create_coupon(client)
    first, again = (press(client, 7, coupon_id, key="press-1") for _ in range(2))
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


def test_two_users_with_the_same_key_have_a_request_each(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client)
    replies = [press(client, user_id, coupon_id, key="press-1") for user_id in (7, 8)]
    assert [reply.status_code for reply in replies] == [202, 202]
    assert all("Idempotent-Replayed" not in reply.headers for reply in replies)
    users = rows(engine, "SELECT user_id FROM coupon_request ORDER BY request_id")
    assert [row.user_id for row in users] == [7, 8]


def test_a_key_used_again_for_another_coupon_is_refused(client: FlaskClient, engine: Engine) -> None:
    press(client, 7, create_coupon(client), key="press-1")
    reply = press(client, 7, create_coupon(client), key="press-1")
    assert reply.status_code == 422
    assert reply.get_json()["type"] == "urn:problem:idempotency-key-reused"
    assert count(engine, "coupon_request") == 1


def test_a_key_may_name_a_coupon_and_a_press(client: FlaskClient, engine: Engine) -> None:
    created = client.post("/api/v1/coupons", json=a_coupon_body(), headers={"Idempotency-Key": "one"})
    reply = press(client, 7, created.get_json()["couponId"], key="one")
    assert reply.status_code == 202
    assert count(engine, "coupon_request") == 1


def test_a_reader_that_waits_gets_the_decision(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client)
    request_id = accepted(client, 7, coupon_id)
    decider = threading.Timer(0.2, a_handler(engine).handle, [published_events(engine)])
    decider.start()

    request = request_of(client, request_id, wait_seconds=20)

    decider.join()
    assert (request["status"], request["decisionNumber"], request["issueNumber"]) == ("ISSUED", 1, 1)
    assert request["decidedAt"].endswith("Z")


def test_a_reader_waits_no_longer_than_asked(client: FlaskClient) -> None:
    request_id = accepted(client, 7, create_coupon(client))
    began = time.monotonic()

    request = request_of(client, request_id, wait_seconds=0.3)

    assert request["status"] == "ACCEPTED"
    assert 0.3 <= time.monotonic() - began < 5


def test_a_stop_ends_all_waiting(client: FlaskClient, stop: StopSignal) -> None:
    request_id = accepted(client, 7, create_coupon(client))
    began = time.monotonic()
    threading.Timer(0.2, stop.set).start()

    request = request_of(client, request_id, wait_seconds=30)

    assert request["status"] == "ACCEPTED"
    assert time.monotonic() - began < 10


def test_readers_that_wait_hold_no_connection(coupon_database_url: str, stop: StopSignal) -> None:
    engine = an_engine(coupon_database_url, pool_size=1)
    app = build_application(engine, stop, max_waiting=2)
    coupon_id = create_coupon(app.test_client())
    request_id = accepted(app.test_client(), 7, coupon_id)
    waiting = [
        threading.Thread(target=request_of, args=(app.test_client(), request_id, 30)) for _ in range(2)
    ]
    for thread in waiting:
        thread.start()

    for user_id in range(8, 28):
        accepted(app.test_client(), user_id, coupon_id)

    stop.set()
    for thread in waiting:
        thread.join()
    engine.dispose()


def test_more_readers_than_may_wait_are_answered_at_once(engine: Engine, stop: StopSignal) -> None:
    app = build_application(engine, stop, max_waiting=1)
    request_id = accepted(app.test_client(), 7, create_coupon(app.test_client()))

    def always_waiting() -> None:
        # Refused now and then, when the one below has taken the place.
        while not stop.wait(0.05):
            request_of(app.test_client(), request_id, 30)

    def answered_at_once() -> bool:
        began = time.monotonic()
        request_of(app.test_client(), request_id, wait_seconds=8)
        return time.monotonic() - began < 4

    waiting = threading.Thread(target=always_waiting)
    waiting.start()
    try:
        wait_until(answered_at_once, "the only place to be taken", timeout_seconds=60)
    finally:
        stop.set()
        waiting.join()


def test_one_press_sent_many_times_at_once_under_one_key_is_one_request(
    client: FlaskClient, engine: Engine
) -> None:
    coupon_id = create_coupon(client)

    with ThreadPoolExecutor(4) as crowd:
        replies = list(
            crowd.map(
                lambda _: press(client.application.test_client(), 7, coupon_id, key="press-1"), range(12)
            )
        )

    assert [reply.text for reply in replies if reply.status_code != 202] == []
    assert len({reply.get_json()["requestId"] for reply in replies}) == 1
    assert (count(engine, "coupon_request"), count(engine, "outbox")) == (1, 1)
