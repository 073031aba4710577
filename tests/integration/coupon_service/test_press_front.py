"""What the front answers ahead of Flask is byte for byte what Flask answers, and does the same."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count as numbers

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.message import Request
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text

from coupon_service.api import build_application
from servicekit.http.front import front_of
from servicekit.http.request_buffer import RequestBuffer
from servicekit.http.wsgi_reply import wsgi_reply
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.builders import a_coupon_body
from tests.integration.coupon_service.service import create_coupon, rows, waiting_sessions
from tests.support.waiting import wait_until

CLIENT, SERVER = ("127.0.0.1", 40_000), ("127.0.0.1", 8001)
TRACE = f"00-{11:032x}-{1:016x}-01"
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_DATE = re.compile(rb"\r\nDate: [^\r]*")
_RETRY_AFTER = re.compile(rb"Retry-After: [1-5]\r")
_next = numbers(1)


@dataclass(frozen=True)
class Sent:
    """A request. ``{open}`` and the like in its target are coupons; ``{side}`` in a header differs a side."""

    method: str = "POST"
    target: str = "/api/v1/users/7/coupons/{open}/issue"
    version: str = "1.1"
    headers: tuple[tuple[str, str], ...] = (("Host", "shop.example"), ("Content-Length", "0"))
    body: bytes = b""

    def with_headers(self, *headers: tuple[str, str]) -> "Sent":
        return Sent(self.method, self.target, self.version, (*self.headers, *headers), self.body)


class Sides:
    """One application, asked through its front and without it."""

    def __init__(self, engine: Engine, stop: StopSignal) -> None:
        self.engine = engine
        self._app = build_application(engine, stop, max_waiting=1)
        self._front = front_of(self._app)
        client = self._app.test_client()
        self._coupons = {"open": create_coupon(client), "sold": create_coupon(client, totalQuantity=1)}
        self._coupons["later"] = create_coupon(
            client, **a_coupon_body(startsAt="2999-01-01T00:00:00Z", endsAt="2999-01-02T00:00:00Z")
        )
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE coupon SET issued_quantity = 1, decided_count = 1 WHERE coupon_id = :sold"),
                {"sold": self._coupons["sold"]},
            )
        for name in self._coupons:
            # From now on the gate knows it.
            self.in_flask(Sent(target=f"/api/v1/users/1/coupons/{{{name}}}/issue"), "first")

    def request(self, sent: Sent, side: str) -> Request | None:
        """As the connection's loop makes it; None for what the parser refuses or doesn't find whole."""
        target = sent.target.format(unknown=999, **self._coupons)
        lines = [f"{name}: {value.replace('{side}', side)}" for name, value in sent.headers]
        head = "\r\n".join([f"{sent.method} {target} HTTP/{sent.version}", *lines, "", ""])
        buffer = RequestBuffer(Config(), CLIENT)
        buffer.feed(head.encode("latin-1") + sent.body)
        try:
            return buffer.take()
        except ParseException:
            return None

    def begin(self, sent: Sent, side: str) -> Future[bytes | None] | bytes | None:
        """What the front says to it at once, or will say."""
        request = self.request(sent, side)
        reply = None if request is None else self._front(request)
        if reply is None or isinstance(reply, bytes):
            return reply
        future: Future[bytes | None] = Future()
        reply(future.set_result)
        return future

    def at_front(self, sent: Sent, side: str) -> bytes | None:
        """None for what the front leaves to the application."""
        reply = self.begin(sent, side)
        return reply.result(30) if isinstance(reply, Future) else reply

    def in_flask(self, sent: Sent, side: str) -> bytes:
        request = self.request(sent, side)
        assert request is not None
        reply, is_kept = wsgi_reply(self._app, request, CLIENT, SERVER, Config())
        assert is_kept or not _is_kept(reply)
        return reply


def _is_kept(reply: bytes) -> bool:
    return b"\r\nConnection: keep-alive\r\n" in reply


def normal(reply: bytes) -> bytes:
    """Without what differs between any two replies."""
    return _RETRY_AFTER.sub(b"Retry-After: n\r", _DATE.sub(b"", _UUID.sub(b"<uuid>", reply)))


@pytest.fixture
def sides(engine: Engine, stop: StopSignal) -> Sides:
    return Sides(engine, stop)


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
        fields = re.sub(r'"occurredAt":"[^"]*"', "", _UUID.sub(b"", row.payload.encode()).decode())
        found[("event", *row[:5], fields, row.trace if row.trace == TRACE.split("-")[1] else "new")] += 1
    for row in rows(engine, "SELECT scope, length(key) AS key, fingerprint FROM idempotency_key"):
        found[("key", *row)] += 1
    return found


def counted() -> Counter[str]:
    """How many answers the metrics know, by status."""
    counts = Counter[str]()
    for metric in REGISTRY.collect():
        for sample in metric.samples:
            if sample.name in ("http_requests_total", "http_request_duration_seconds_count"):
                counts[f"{sample.name} {sorted(sample.labels.items())}"] += int(sample.value)
    return counts


def header(name: str, *values: str) -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(st.just(name), st.sampled_from(values))


names = st.from_regex(r"[A-Za-z][A-Za-z_-]{0,12}", fullmatch=True)
values = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_categories=["Cc"]), max_size=12)
odd_headers = st.one_of(
    header("Host", "x", "127.0.0.1:80", "a..b", "A.B", "a_b", "[::1]:80", "x" * 64, "", "a b", "a.b:99999"),
    header("Connection", "keep-alive", "close", "Keep-Alive", "upgrade", "keep-alive, x"),
    header("Content-Length", "0", "00", "2", "+0"),
    header("Transfer-Encoding", "chunked", "identity"),
    header("Content-Type", "application/json", "text/plain", ""),
    header("Expect", "100-continue", "x"),
    header("Upgrade", "websocket", "h2c"),
    header("Idempotency-Key", "k{side}", "a b", "", "ü", "x" * 255, "x" * 256, '{side}"\\,{}', "{side}'"),
    header("Idempotency-Key-Set-By", "load-balancer", ""),
    header("X-Request-Id", "mine", "a b", "x" * 129, "", "a:b._-"),
    header("traceparent", TRACE, "00-1-1-01", "", TRACE + "-x"),
    header("tracestate", "a=b", "=", ""),
    header("X-Forwarded-For", "1.2.3.4", "x"),
    header("X-Forwarded-Proto", "https", "http"),
    header("X-HTTP-Method-Override", "GET"),
    header("Cookie", "a=b"),
    header("Accept", "text/html", "*/*"),
    header("Range", "bytes=0-1"),
    header("If-None-Match", "*"),
    header("SCRIPT_NAME", "/api"),
    st.tuples(names, values),
)
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
sent_requests = st.builds(
    Sent,
    method=st.sampled_from(["POST"] * 8 + ["GET", "PUT", "HEAD", "OPTIONS", "post", "DELETE"]),
    target=targets,
    version=st.sampled_from(["1.1"] * 8 + ["1.0"]),
    headers=st.lists(odd_headers, max_size=5).map(
        lambda drawn: tuple(
            [] if any(name == "Host" for name, _ in drawn) else [("Host", "shop.example")]
        ) + tuple(drawn)
    ),
    body=st.sampled_from([b"", b"", b"", b"{}", b"0\r\n\r\n", b"[]"]),
)  # fmt: skip

PLAIN = Sent()
KEYED = PLAIN.with_headers(("Idempotency-Key", "{side}-1"))
SOLD = Sent(target="/api/v1/users/7/coupons/{sold}/issue")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent_requests)
@example(PLAIN)
@example(KEYED)
@example(KEYED.with_headers(("traceparent", TRACE), ("tracestate", "a=b")))
@example(SOLD.with_headers(("traceparent", TRACE), ("X-Request-Id", "mine")))
def test_any_request_gets_the_same_bytes_and_does_the_same_both_ways(sides: Sides, sent: Sent) -> None:
    number = next(_next)
    before, counted_before = stored(sides.engine), counted()
    at_front = sides.at_front(sent, f"f{number:07}")
    after_front, counted_after_front = stored(sides.engine), counted()
    if at_front is None:
        assert (after_front, counted_after_front) == (before, counted_before)
        return

    in_flask = sides.in_flask(sent, f"w{number:07}")

    assert normal(at_front) == normal(in_flask)
    assert _is_kept(at_front)
    assert after_front - before == stored(sides.engine) - after_front
    assert counted_after_front - counted_before == counted() - counted_after_front


@pytest.mark.parametrize(
    "sent",
    [
        PLAIN,
        KEYED,
        KEYED.with_headers(("Idempotency-Key-Set-By", "load-balancer")),
        PLAIN.with_headers(("User-Agent", "curl/8"), ("Accept", "*/*"), ("X-Forwarded-For", "1.2.3.4")),
        PLAIN.with_headers(("Content-Type", "application/json"), ("Connection", "keep-alive")),
        SOLD,
        SOLD.with_headers(("Idempotency-Key", "{side}-2"), ("Idempotency-Key-Set-By", "load-balancer")),
        Sent(target="/api/v1/users/7/coupons/{later}/issue"),
    ],
)
def test_what_clients_send_in_a_drop_is_answered_at_the_front(sides: Sides, sent: Sent) -> None:
    reply = sides.at_front(sent, "front")

    assert reply is not None
    assert normal(reply) == normal(sides.in_flask(sent, "flask"))


def test_a_repeated_key_gets_its_first_reply_at_the_front_too(sides: Sides) -> None:
    first = sides.in_flask(KEYED, "same")

    again = sides.at_front(KEYED, "same")

    assert again is not None
    assert b"\r\nIdempotent-Replayed: true\r\n" in again
    [accepted] = re.findall(rb'"requestId":"([^"]*)"', first)
    assert re.findall(rb'"requestId":"([^"]*)"', again) == [accepted]
    assert normal(again) == normal(sides.in_flask(KEYED, "same"))


def test_a_key_of_another_request_is_refused_with_the_same_bytes(sides: Sides, engine: Engine) -> None:
    sides.in_flask(KEYED, "used")
    with engine.begin() as connection:
        connection.execute(text("UPDATE idempotency_key SET fingerprint = 'of another one'"))

    reply = sides.at_front(KEYED, "used")

    assert reply is not None
    assert reply.startswith(b"HTTP/1.1 422 ")
    assert normal(reply) == normal(sides.in_flask(KEYED, "used"))


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
        KEYED.with_headers(("Connection", "close")),
        Sent(headers=(("Host", "shop.example"), ("Content-Length", "2")), body=b"{}"),
        Sent(headers=(("Host", "a..b"),)),
        Sent(target="/api/v1/users/7/coupons/{open}/issue?a=1"),
    ],
)
def test_a_press_that_is_not_plain_is_left_to_the_application(sides: Sides, sent: Sent) -> None:
    assert sides.at_front(sent, "") is None


def test_a_coupon_that_the_gate_has_not_read_is_left_to_the_application(sides: Sides) -> None:
    assert sides.at_front(Sent(target="/api/v1/users/7/coupons/{unknown}/issue"), "") is None


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
    return Sent(target=f"/api/v1/users/{user_id}/coupons/{{open}}/issue")


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
    assert normal(reply) == normal(sides.in_flask(of_user(13), ""))
    assert sides.at_front(of_user(14), "") is not None


def together(sides: Sides, users: Sequence[int]) -> list[bytes | None]:
    """The replies to presses that share a transaction."""
    with sides.engine.begin() as holder:
        # Inserts wait.
        holder.execute(text("LOCK TABLE coupon_request IN SHARE MODE"))
        first = sides.begin(of_user(2), "")
        wait_until(lambda: waiting_sessions(sides.engine) == 1, "a transaction under way")
        others = [sides.begin(of_user(user_id), "") for user_id in users]
    replies = []
    for reply in (first, *others):
        assert isinstance(reply, Future)
        replies.append(reply.result(30))
    return replies[1:]


def test_presses_during_a_commit_share_the_next_transaction(sides: Sides) -> None:
    users = [19, 12, 17]

    replies = together(sides, users)

    assert all(reply is not None and reply.startswith(b"HTTP/1.1 202 ") for reply in replies)
    found = rows(
        sides.engine,
        "SELECT array_agg((payload->>'userId')::int ORDER BY position) AS users FROM outbox"
        " GROUP BY xid::text ORDER BY min(position)",
    )
    assert [row.users for row in found][-2:] == [[2], users]


def test_one_bad_press_is_left_to_the_application_with_its_neighbours(
    sides: Sides, spoil: Callable[[str], None]
) -> None:
    spoil("RAISE division_by_zero")

    assert together(sides, [12, 13, 14]) == [None] * 3

    statuses = [sides.in_flask(of_user(user_id), "").split(b" ")[1] for user_id in (12, 13, 14)]
    assert statuses == [b"202", b"500", b"202"]


def test_nothing_is_answered_before_its_commit(sides: Sides) -> None:
    """Seen by another session at the moment of each reply."""
    for user_id in range(100, 120):
        assert sides.at_front(of_user(user_id), "") is not None
        statement = f"SELECT FROM coupon_request WHERE user_id = {user_id}"
        assert len(rows(sides.engine, statement)) == 1
