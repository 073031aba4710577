"""What the front answers ahead of Flask is byte for byte what Flask answers, and does the same."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from itertools import count as numbers

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from coupon_service.api import build_application
from coupon_service.persistence import coupon_gate
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.builders import a_coupon_body
from tests.integration.coupon_service.requests.both_ways import (
    TRACE,
    Sent,
    Sides,
    counted,
    sent_requests,
    without_differences,
)
from tests.integration.coupon_service.service import create_coupon, press, rows, waiting_sessions
from tests.support.waiting import wait_until

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_next = numbers(1)


@pytest.fixture
def sides(engine: Engine, stop: StopSignal) -> Sides:
    application = build_application(engine, stop, max_waiting=1)
    client = application.test_client()
    later = a_coupon_body(startsAt="2999-01-01T00:00:00Z", endsAt="2999-01-02T00:00:00Z")
    coupons = {
        "open": create_coupon(client),
        "sold": create_coupon(client, totalQuantity=1),
        "later": create_coupon(client, **later),
    }
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE coupon SET issued_quantity = 1, decided_count = 1 WHERE coupon_id = :sold"),
            {"sold": coupons["sold"]},
        )
    for coupon_id in coupons.values():
        # From now on the gate knows it.
        press(client, 1, coupon_id)
    return Sides(application, {"unknown": 999, **coupons})


def stored(engine: Engine) -> Counter[tuple[object, ...]]:
    """All that presses leave behind, without what differs between any two."""
    found = Counter[tuple[object, ...]]()
    for row in rows(engine, "SELECT coupon_id, user_id, status FROM coupon_request"):
        found[("request", *row)] += 1
    statement = (
        "SELECT topic, aggregatetype, aggregateid, type, source, payload::text AS payload,"
        " split_part(traceparent, '-', 2) AS trace FROM outbox"
    )
    for row in rows(engine, statement):
        fields = re.sub(r'"occurredAt":"[^"]*"', "", _UUID.sub("", row.payload))
        found[("event", *row[:5], fields, row.trace if row.trace == TRACE.split("-")[1] else "new")] += 1
    for row in rows(engine, "SELECT scope, length(key) AS key, fingerprint FROM idempotency_key"):
        found[("key", *row)] += 1
    return found


targets = st.one_of(
    st.sampled_from(
        [f"/api/v1/users/7/coupons/{{{coupon}}}/issue" for coupon in ("open", "sold", "later", "unknown")]
    ),
    st.builds(
        "/api/v1/users/{}/coupons/{}/issue{}".format,
        st.sampled_from(["0", "7", "07", "-1", "%37", "9" * 18, "9" * 19, "9" * 20, "x", "1e3"]),
        st.sampled_from(["{open}", "{sold}", "0{open}", "%3{open}", "9" * 19]),
        st.sampled_from(["", "", "/", "?", "?a=1", "#x", "%20", "//", ";x"]),
    ),
    st.just("http://shop.example/api/v1/users/7/coupons/{open}/issue"),
    st.just("//api/v1/users/7/coupons/{open}/issue"),
    st.just("*"),
)
PRESS = "/api/v1/users/7/coupons/{open}/issue"
PLAIN = Sent("POST", PRESS)
KEYED = PLAIN.with_headers(("Idempotency-Key", "{side}-1"))
SOLD = replace(PLAIN, target="/api/v1/users/7/coupons/{sold}/issue")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent_requests("POST", targets))
@example(PLAIN)
@example(KEYED)
@example(KEYED.with_headers(("traceparent", TRACE), ("tracestate", "a=b")))
@example(SOLD.with_headers(("traceparent", TRACE), ("X-Request-Id", "mine")))
def test_any_request_gets_the_same_bytes_and_does_the_same_both_ways(
    sides: Sides, engine: Engine, sent: Sent
) -> None:
    number = next(_next)
    before, counted_before = stored(engine), counted()
    at_front = sides.at_front(sent, f"f{number:07}")
    after_front, counted_after_front = stored(engine), counted()
    if at_front is None:
        assert (after_front, counted_after_front) == (before, counted_before)
        return

    in_flask = sides.in_flask(sent, f"w{number:07}")

    assert without_differences(at_front) == without_differences(in_flask)
    assert after_front - before == stored(engine) - after_front
    assert counted_after_front - counted_before == counted() - counted_after_front


@pytest.mark.parametrize(
    "sent",
    [
        PLAIN,
        KEYED,
        KEYED.with_headers(("Idempotency-Key-Set-By", "load-balancer")),
        PLAIN.with_headers(("User-Agent", "curl/8"), ("Accept", "*/*"), ("X-Forwarded-For", "1.2.3.4")),
        PLAIN.with_headers(("Content-Type", "application/json"), ("Connection", "keep-alive")),
        KEYED.with_headers(("Connection", "close")),
        replace(PLAIN, version="1.0"),
        SOLD,
        SOLD.with_headers(("Idempotency-Key", "{side}-2"), ("Idempotency-Key-Set-By", "load-balancer")),
        replace(PLAIN, target="/api/v1/users/7/coupons/{later}/issue"),
    ],
)
def test_what_clients_send_in_a_drop_is_answered_at_the_front(sides: Sides, sent: Sent) -> None:
    reply = sides.at_front(sent, "front")

    assert reply is not None
    assert without_differences(reply) == without_differences(sides.in_flask(sent, "flask"))


def test_a_repeated_key_gets_its_first_reply_at_the_front_too(sides: Sides) -> None:
    first = sides.in_flask(KEYED, "same")

    again = sides.at_front(KEYED, "same")

    assert again is not None
    assert b"\r\nIdempotent-Replayed: true\r\n" in again
    [accepted] = re.findall(rb'"requestId":"([^"]*)"', first)
    assert re.findall(rb'"requestId":"([^"]*)"', again) == [accepted]
    assert without_differences(again) == without_differences(sides.in_flask(KEYED, "same"))


def test_a_key_of_another_request_is_refused_with_the_same_bytes(sides: Sides, engine: Engine) -> None:
    sides.in_flask(KEYED, "used")
    with engine.begin() as connection:
        connection.execute(text("UPDATE idempotency_key SET fingerprint = 'of another one'"))

    reply = sides.at_front(KEYED, "used")

    assert reply is not None
    assert reply.startswith(b"HTTP/1.1 422 ")
    assert without_differences(reply) == without_differences(sides.in_flask(KEYED, "used"))


def test_a_clients_own_key_is_looked_up_after_sell_out(sides: Sides) -> None:
    """By the application: a look-up would hold up the thread that reads requests."""
    assert sides.at_front(SOLD.with_headers(("Idempotency-Key", "mine")), "") is None


@pytest.mark.parametrize("key", ["a b", "", "ü", "x" * 256])
def test_an_invalid_key_is_left_to_the_application(sides: Sides, key: str) -> None:
    sent = PLAIN.with_headers(("Idempotency-Key", key))

    assert sides.at_front(sent, "") is None

    assert sides.in_flask(sent, "").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "sent",
    [
        KEYED.with_headers(("Idempotency-Key", "another")),
        replace(PLAIN, headers=(("Host", "shop.example"), ("Content-Length", "2")), body=b"{}"),
        replace(PLAIN, headers=(("Host", "a..b"),)),
        replace(PLAIN, target="/api/v1/users/7/coupons/{open}/issue?a=1"),
    ],
)
def test_a_press_that_is_not_plain_is_left_to_the_application(sides: Sides, sent: Sent) -> None:
    assert sides.at_front(sent, "") is None


def test_a_coupon_that_the_gate_has_not_read_is_left_to_the_application(sides: Sides) -> None:
    assert sides.at_front(replace(PLAIN, target="/api/v1/users/7/coupons/{unknown}/issue"), "") is None


def test_a_coupon_that_was_just_looked_for_in_vain_is_refused_at_the_front(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coupon_gate, "REFRESH_SECONDS", 100)
    unknown = replace(KEYED, target="/api/v1/users/7/coupons/{unknown}/issue")
    in_flask = sides.in_flask(unknown, "")
    assert in_flask.startswith(b"HTTP/1.1 404 ")
    assert without_differences(sides.at_front(unknown, "") or b"") == without_differences(in_flask)


@pytest.fixture
def spoil(engine: Engine) -> Callable[[str], None]:
    """Let the insertion of user 13 do something."""

    def make(action: str) -> None:
        with engine.begin() as connection:
            connection.execute(
                text(
                    "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                    f" IF NEW.user_id = 13 THEN {action}; END IF; RETURN NEW; END $$;"
                    " CREATE TRIGGER spoil BEFORE INSERT ON coupon_request"
                    " FOR EACH ROW EXECUTE FUNCTION spoil()"
                )
            )

    return make


def of_user(user_id: int) -> Sent:
    return replace(PLAIN, target=f"/api/v1/users/{user_id}/coupons/{{open}}/issue")


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("PERFORM pg_terminate_backend(pg_backend_pid())", b"503"),
        ("RAISE lock_not_available", b"503"),
        ("RAISE division_by_zero", b"500"),
    ],
)
def test_a_failed_transaction_is_answered_with_the_same_bytes(
    sides: Sides, spoil: Callable[[str], None], action: str, status: bytes
) -> None:
    spoil(action)

    reply = sides.at_front(of_user(13), "")

    assert reply is not None
    assert reply.split(b" ")[1] == status
    assert (b"\r\nRetry-After: " in reply) == (status == b"503")
    assert without_differences(reply) == without_differences(sides.in_flask(of_user(13), ""))
    assert sides.at_front(of_user(14), "") is not None


def together(sides: Sides, engine: Engine, users: Sequence[int]) -> list[bytes | None]:
    """The replies to presses that share a transaction."""
    with engine.begin() as holder:
        # Inserts wait.
        holder.execute(text("LOCK TABLE coupon_request IN SHARE MODE"))
        first = sides.begin(of_user(2), "")
        wait_until(lambda: waiting_sessions(engine) == 1, "a transaction under way")
        others = [sides.begin(of_user(user_id), "") for user_id in users]
    replies = []
    for reply in (first, *others):
        assert isinstance(reply, Future)
        replies.append(reply.result(30))
    return replies[1:]


def test_presses_during_a_commit_share_the_next_transaction(sides: Sides, engine: Engine) -> None:
    users = [19, 12, 17]

    replies = together(sides, engine, users)

    assert all(reply is not None and reply.startswith(b"HTTP/1.1 202 ") for reply in replies)
    found = rows(
        engine,
        "SELECT array_agg((payload->>'userId')::int ORDER BY position) AS users FROM outbox"
        " GROUP BY xid::text ORDER BY min(position)",
    )
    assert [row.users for row in found][-2:] == [[2], users]


def test_one_bad_press_is_left_to_the_application_with_its_neighbours(
    sides: Sides, engine: Engine, spoil: Callable[[str], None]
) -> None:
    spoil("RAISE division_by_zero")

    assert together(sides, engine, [12, 13, 14]) == [None] * 3

    statuses = [sides.in_flask(of_user(user_id), "").split(b" ")[1] for user_id in (12, 13, 14)]
    assert statuses == [b"202", b"500", b"202"]


def test_nothing_is_answered_before_its_commit(sides: Sides, engine: Engine) -> None:
    """Seen by another session at the moment of each reply."""
    for user_id in range(100, 120):
        assert sides.at_front(of_user(user_id), "") is not None
        statement = f"SELECT FROM coupon_request WHERE user_id = {user_id}"
        assert len(rows(engine, statement)) == 1
