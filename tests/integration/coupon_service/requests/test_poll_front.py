"""Polls that the front answers get byte for byte what Flask answers, and share their queries."""

from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import closing, contextmanager
from dataclasses import replace

import psycopg2
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, text

from coupon_service.api import build_application
from coupon_service.persistence.coupon_requests import SqlCouponRequests
from servicekit.identifiers import uuid7
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.requests.both_ways import (
    TRACE,
    Sent,
    Sides,
    counted,
    sent_requests,
    without_differences,
)
from tests.integration.coupon_service.service import a_handler, accepted, create_coupon, published_events
from tests.support.clean_requests import fill
from tests.support.explained import tables_read_whole

POLL = "/api/v1/coupon-requests/{waiting}"
PLAIN = Sent("GET", POLL, headers=(("Host", "shop.example"),))
DECIDED = replace(PLAIN, target="/api/v1/coupon-requests/{decided}")
UNKNOWN = replace(PLAIN, target="/api/v1/coupon-requests/{unknown}")


@pytest.fixture
def sides(engine: Engine, stop: StopSignal) -> Sides:
    application = build_application(engine, stop, max_waiting=1)
    client = application.test_client()
    coupon_id = create_coupon(client)
    decided, waiting = (accepted(client, user_id, coupon_id) for user_id in (1, 2))
    a_handler(engine).handle(published_events(engine)[:1])
    large = str(waiting).upper()
    return Sides(application, {"decided": decided, "waiting": waiting, "large": large, "unknown": uuid7()})


targets = st.one_of(
    st.sampled_from([f"/api/v1/coupon-requests/{{{name}}}" for name in ("decided", "waiting", "unknown")]),
    st.builds(
        "/api/v1/coupon-requests/{}{}".format,
        st.sampled_from(["{waiting}", "{large}", "{{{waiting}}}", "urn:uuid:{waiting}", "0{waiting}", ""]),
        st.sampled_from(["", "", "/", "?", "?wait=0", "?wait=x", "#x", "%20", "/events"]),
    ),
    st.just("http://shop.example/api/v1/coupon-requests/{waiting}"),
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent_requests("GET", targets))
@example(PLAIN)
@example(DECIDED.with_headers(("traceparent", TRACE), ("X-Request-Id", "mine")))
@example(UNKNOWN)
def test_any_poll_gets_the_same_bytes_both_ways(sides: Sides, sent: Sent) -> None:
    before = counted()
    at_front = sides.at_front(sent, "")
    after_front = counted()
    if at_front is None:
        assert after_front == before
        return

    in_flask = sides.in_flask(sent, "")

    assert without_differences(at_front) == without_differences(in_flask)
    assert after_front - before == counted() - after_front


@pytest.mark.parametrize("sent", [PLAIN, DECIDED, UNKNOWN, PLAIN.with_headers(("Connection", "close"))])
def test_polls_of_clients_are_answered_at_the_front(sides: Sides, sent: Sent) -> None:
    assert sides.at_front(sent, "") is not None


@pytest.mark.parametrize(
    "sent",
    [
        replace(PLAIN, target=POLL + "?wait=1"),
        replace(PLAIN, target="/api/v1/coupon-requests/{large}"),
        replace(PLAIN, method="HEAD"),
    ],
)
def test_a_poll_that_waits_or_is_not_plain_is_left_to_flask(sides: Sides, sent: Sent) -> None:
    assert sides.at_front(sent, "") is None


@contextmanager
def queries(engine: Engine) -> Iterator[list[str]]:
    """The statements that begin while the block lasts."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_polls_that_arrive_together_share_queries(sides: Sides, engine: Engine) -> None:
    sides.at_front(PLAIN, "")
    with queries(engine) as found:
        replies = [sides.begin(PLAIN, "") for _ in range(30)]
        futures = [reply for reply in replies if isinstance(reply, Future)]
        assert len(futures) == 30
        wait(futures, timeout=30)
    assert len(found) <= 10
    assert {without_differences(reply.result() or b"") for reply in futures} == {
        without_differences(sides.in_flask(PLAIN, ""))
    }


def test_a_poll_names_no_place_that_could_get_worse(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client)
    with engine.begin() as older:
        older.execute(
            text(
                "INSERT INTO coupon_request (request_id, coupon_id, user_id, status, requested_at)"
                " VALUES (gen_random_uuid(), :coupon_id, 1, 'ACCEPTED', now())"
            ),
            {"coupon_id": coupon_id},
        )
        path = f"/api/v1/coupon-requests/{accepted(client, 2, coupon_id)}"
        assert client.get(path).get_json()["place"] is None
    assert client.get(path).get_json()["place"] == 2


def test_a_database_that_fails_is_a_503_with_the_same_bytes(sides: Sides, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE coupon_request RENAME TO hidden"))
    failed = sides.at_front(PLAIN, "")
    assert failed is not None
    assert without_differences(failed) == without_differences(sides.in_flask(PLAIN, ""))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO coupon_request"))
    reply = sides.at_front(PLAIN, "")
    assert reply is not None
    assert reply.startswith(b"HTTP/1.1 200 ")


def test_a_reason_of_a_newer_release_hides_no_other_request(sides: Sides, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE coupon_request SET status = 'REJECTED', reason = 'NEW', issue_number = NULL"
                " WHERE decided_at IS NOT NULL"
            )
        )
    replies = [sides.begin(sent, "") for sent in (DECIDED, PLAIN)]
    bodies = [reply.result(30) or b"" for reply in replies if isinstance(reply, Future)]
    assert [b'"reason":"OTHER"' in body for body in bodies] == [True, False]
    assert all(body.startswith(b"HTTP/1.1 200 ") for body in bodies)


def test_polls_read_no_table_from_beginning_to_end(engine: Engine, coupon_database_url: str) -> None:
    with closing(psycopg2.connect(coupon_database_url)) as connection:
        connection.autocommit = True
        fill(connection, 20_000)
    with engine.connect() as session:
        requests = SqlCouponRequests(session)
        rows = session.execute(text("SELECT request_id FROM coupon_request ORDER BY random() LIMIT 20"))
        some = [row.request_id for row in rows]
        # From the sixth time on, the plan may be the one that serves all parameters.
        for _ in range(6):
            requests.standings(some)
        with tables_read_whole(engine) as read_whole:
            assert requests.standings(some).keys() == set(some)
    assert read_whole == set()
