"""Every answer in the OpenAPI document has an example, and the service gives each of them."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from coupon_service.application.watch_requests import Round, WatchRequests
from coupon_service.config import WatchSettings
from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.http import connection_loop
from servicekit.http.server import HttpServer
from servicekit.http.validation import MAX_BODY_BYTES
from tests.integration.coupon_service.builders import a_coupon_body
from tests.integration.coupon_service.lives import WHY, let_pass, operate, reserve, succeed
from tests.integration.coupon_service.service import (
    a_handler,
    a_stored_event,
    accepted,
    create_coupon,
    published_events,
)
from tests.integration.coupon_service.watch_server import (
    a_watch_server,
    all_received,
    connect_to_events,
    received_until,
)
from tests.support.applications import APPLICATIONS
from tests.support.waiting import wait_until

DOCUMENT: dict[str, Any] = APPLICATIONS["coupon"]().api_doc
WATCHED = ("GET", "/api/v1/coupon-requests/{requestId}/events")
"""The one operation that the watch server serves."""
OPERATIONS = [
    operation
    for template, methods in DOCUMENT["paths"].items()
    for method in methods
    if (operation := (method.upper(), template)) != WATCHED
]
ORDERS = [UUID(int=number) for number in (1, 2, 3)]
KEY, NO_KEY = {"Idempotency-Key": "8e03978e"}, {"Idempotency-Key": ""}
REUSED = "the key was used for another request"
RESERVATION = {"orderId": str(ORDERS[0]), "userId": 7, "orderAmount": 20_000, "holdSeconds": 900}
STOCK = WHY | {"quantity": 100}
COUPON, ISSUE = "/api/v1/coupons/{couponId}", "/api/v1/users/{userId}/coupons/{couponId}/issue"
HELD = "/api/v1/user-coupons/{userCouponId}"
BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/coupons": a_coupon_body(),
    ISSUE: {},
    f"{COUPON}/stock": STOCK,
    f"{COUPON}/pause": WHY,
    f"{COUPON}/resume": WHY,
    f"{COUPON}/end": WHY,
    f"{HELD}/reserve": RESERVATION,
    f"{HELD}/confirm": {"orderId": str(ORDERS[0])},
    f"{HELD}/release": {"orderId": str(ORDERS[0])},
    f"{HELD}/give-back": {"userId": 7},
    f"{HELD}/revoke": WHY,
}
"""A body of each operation that has one, which is valid."""
HEADERS = {"Location", "Retry-After", "Idempotent-Replayed"}
"""What clients read of an answer's head."""


@dataclass(frozen=True)
class Step:
    """A request whose answer is the example ``name`` of its operation."""

    operation: str
    name: str
    path: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    query: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def a_story(client: FlaskClient, engine: Engine) -> Iterator[Step]:
    """Coupon 1 is requested, and its user coupon 1 used; what happens to others is refused on the way."""
    yield from creating()
    yield from requesting(client, engine)
    yield from operating()
    yield from using(client, engine)
    yield from refusing_at_the_gate(client, engine)


def creating() -> Iterator[Step]:
    create = "POST /api/v1/coupons"
    body = a_coupon_body(
        discount={"type": "RATE", "value": 10, "maximumAmount": 5_000},
        limitPerUser=2,
        minimumOrderAmount=10_000,
        validForHours=720,
    )
    yield Step("GET /api/v1/coupons", "no coupon yet")
    yield Step(create, "a coupon", body=body, headers=KEY)
    yield Step(create, "fields out of range", body=a_coupon_body(limitPerUser=0, validForHours=0))
    yield Step(create, "a cap on an amount", body=a_coupon_body(discount=AMOUNT_WITH_CAP))
    yield Step(create, "the key was used for another request", body=a_coupon_body(name="b"), headers=KEY)
    yield Step(create, "not a key", body=a_coupon_body(), headers={"Idempotency-Key": "with blank"})
    yield Step("GET /api/v1/coupons", "a page", query={"limit": 1})
    yield Step("GET /api/v1/coupons", "not a page", query={"limit": 0})
    yield Step(f"GET {COUPON}", "a coupon", {"couponId": 1})
    yield Step(f"GET {COUPON}", "no such coupon", {"couponId": 9})
    yield Step(f"GET {COUPON}", "not an id", {"couponId": "one"})


AMOUNT_WITH_CAP = {"type": "AMOUNT", "value": 5_000, "maximumAmount": 5_000}


def requesting(client: FlaskClient, engine: Engine) -> Iterator[Step]:
    mine = {"userId": 7, "couponId": 1}
    yield Step(f"POST {ISSUE}", "accepted", mine, {}, headers=KEY)
    yield Step(f"POST {ISSUE}", "no such coupon", mine | {"couponId": 9}, {})
    yield Step(f"POST {ISSUE}", "not an id", mine | {"userId": 0}, {})
    yield Step(f"POST {ISSUE}", "not a key", mine, {}, headers=NO_KEY)
    [event] = published_events(engine)
    read = "GET /api/v1/coupon-requests/{requestId}"
    yield Step(read, "accepted", {"requestId": event.request_id})
    # The third is one more than a user may have.
    for user_id in (7, 7, 8):
        client.post(ISSUE.format(userId=user_id, couponId=1))
    a_handler(engine).handle(published_events(engine))
    rejected = published_events(engine)[2].request_id
    yield Step(read, "issued", {"requestId": event.request_id})
    yield Step(read, "rejected", {"requestId": rejected}, query={"wait": 5})
    yield Step(read, "no such request", {"requestId": ORDERS[0]})
    yield Step(read, "waits too long", {"requestId": rejected}, query={"wait": 31})
    yield Step(read, "not an id", {"requestId": "one"})
    yield Step("GET /api/v1/users/{userId}/coupons", "a page", {"userId": 7}, query={"limit": 1})
    yield Step("GET /api/v1/users/{userId}/coupons", "no coupons", {"userId": 9})
    yield Step("GET /api/v1/users/{userId}/coupons", "not an id", {"userId": "x"})
    yield Step("GET /api/v1/users/{userId}/coupons", "not a page", {"userId": 7}, query={"limit": 101})


def operating() -> Iterator[Step]:
    one = {"couponId": 1}
    yield Step(f"POST {COUPON}/stock", "more stock", one, STOCK, headers={"Idempotency-Key": "stock-1"})
    yield Step(f"POST {COUPON}/stock", "without a key", one, STOCK)
    yield Step(f"POST {COUPON}/stock", "nothing to add", one, STOCK | {"quantity": 0}, headers=KEY)
    yield Step(f"POST {COUPON}/resume", "was not paused", one, WHY)
    for verb in ("pause", "resume", "end"):
        yield Step(f"POST {COUPON}/{verb}", "done", one, WHY, headers={"Idempotency-Key": f"{verb}-1"})
        yield Step(f"POST {COUPON}/{verb}", "without a reason", one, {"by": "kim"})
    yield Step(f"POST {COUPON}/stock", "has ended", one, STOCK, headers={"Idempotency-Key": "stock-2"})
    yield Step(f"POST {COUPON}/pause", "has ended", one, WHY)
    for verb in ("stock", "pause", "resume", "end"):
        body, used = BODIES[f"{COUPON}/{verb}"], {"Idempotency-Key": f"{verb}-1"}
        yield Step(f"POST {COUPON}/{verb}", "not a key", one, body, headers=NO_KEY)
        yield Step(f"POST {COUPON}/{verb}", REUSED, one, body | {"by": "lee"}, headers=used)
    for verb in ("stock", "pause", "resume", "end"):
        body = STOCK if verb == "stock" else WHY
        yield Step(f"POST {COUPON}/{verb}", "no such coupon", {"couponId": 9}, body, headers=KEY)
    yesterday = {"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-02T00:00:00Z"}
    yield Step("POST /api/v1/coupons", "over already", body=a_coupon_body(**yesterday))
    # The number 2 went to the coupon that its key refused.
    yield Step(f"POST {COUPON}/end", "has ended", {"couponId": 3}, WHY)
    yield Step(f"GET {COUPON}/changes", "a page", one, query={"limit": 2})
    yield Step(f"GET {COUPON}/changes", "no such coupon", {"couponId": 9})
    yield Step(f"GET {COUPON}/changes", "not a page", one, query={"before": 0})


def using(client: FlaskClient, engine: Engine) -> Iterator[Step]:
    one, two, three, nine = ({"userCouponId": number} for number in (1, 2, 3, 9))
    first, second, third = map(str, ORDERS)
    order = RESERVATION
    yield Step(f"POST {HELD}/reserve", "reserved", one, order)
    yield Step(f"POST {HELD}/reserve", "reserved by another order", one, order | {"orderId": second})
    yield Step(f"POST {HELD}/reserve", "with another amount", one, order | {"orderAmount": 30_000})
    yield Step(f"POST {HELD}/reserve", "below the minimum", two, order | {"orderAmount": 9_999})
    yield Step(f"POST {HELD}/reserve", "of another user", two, order | {"userId": 8})
    yield Step(f"POST {HELD}/reserve", "holds too long", two, order | {"holdSeconds": 63_072_001})
    yield Step(f"GET {HELD}", "reserved", one)
    for verb in ("confirm", "release"):
        yield Step(f"POST {HELD}/{verb}", "reserved by another order", one, {"orderId": second})
    yield Step(f"POST {HELD}/confirm", "used", one, {"orderId": first})
    reserve(client, 2, ORDERS[1])
    let_go = {"orderId": second, "reason": "the payment was declined"}
    yield Step(f"POST {HELD}/release", "released", two, let_go)
    reserve(client, 2, ORDERS[2])
    let_pass(engine, 2, "reserved_until")
    yield Step(f"POST {HELD}/confirm", "after its reservation", two, {"orderId": third})
    yield Step(f"GET {HELD}", "its reservation is over", two)
    yield Step(f"POST {HELD}/give-back", "given back", two, {"userId": 7, "reason": "not mine"})
    yield Step(f"POST {HELD}/revoke", "revoked", three, WHY)
    yield Step(f"GET {HELD}/changes", "a page", two, query={"limit": 3})
    yield Step(f"POST {HELD}/give-back", "was used", one, {"userId": 7})
    yield Step(f"POST {HELD}/revoke", "was used", one, WHY)
    yield Step(f"POST {HELD}/revoke", "without a reason", two, {"by": "kim"})
    for verb in ("confirm", "release"):
        yield Step(f"POST {HELD}/{verb}", "not an order", one, {"orderId": "1"})
    yield Step(f"POST {HELD}/give-back", "not a user", one, {"userId": "7"})
    yield Step(f"GET {HELD}", "not an id", {"userCouponId": 0})
    yield Step(f"GET {HELD}/changes", "not a page", two, query={"limit": 101})
    for template in (f"{HELD}/{verb}" for verb in ("reserve", "confirm", "release", "give-back", "revoke")):
        yield Step(f"POST {template}", "no such user coupon", nine, BODIES[template])
    yield Step(f"GET {HELD}", "no such user coupon", nine)
    yield Step(f"GET {HELD}/changes", "no such user coupon", nine)


def refusing_at_the_gate(client: FlaskClient, engine: Engine) -> Iterator[Step]:
    later = {"startsAt": "2100-01-01T00:00:00Z", "endsAt": "2100-01-02T00:00:00Z"}
    scheduled, paused, sold_out, ended = (
        create_coupon(client, totalQuantity=1, **terms) for terms in (later, {}, {}, {})
    )
    succeed(operate(client, paused, "pause"))
    a_handler(engine).handle([a_stored_event(engine, 7, sold_out)])
    succeed(operate(client, ended, "end"))
    for name, coupon_id in (
        ("not open yet", scheduled),
        ("paused", paused),
        ("sold out", sold_out),
        ("has ended", ended),
    ):
        yield Step(f"POST {ISSUE}", name, {"userId": 8, "couponId": coupon_id}, {})
    # It is that of this user's request for another coupon.
    yield Step(f"POST {ISSUE}", REUSED, {"userId": 7, "couponId": ended}, {}, headers=KEY)


def send(client: FlaskClient, step: Step) -> TestResponse:
    method, _, template = step.operation.partition(" ")
    body = None if step.body is None else dict(step.body)
    query = {name: str(value) for name, value in step.query.items()}
    url = template.format(**step.path)
    return client.open(url, method=method, json=body, query_string=query, headers=dict(step.headers))


def documented(method: str, template: str) -> dict[tuple[str, str], Any]:
    """The examples of an operation, by status and name; a status without one has the name ""."""
    responses = DOCUMENT["paths"][template][method.lower()]["responses"]
    found: dict[tuple[str, str], Any] = {}
    for status, response in responses.items():
        if status != "default":
            [media_type] = response["content"].values()
            for name, example in media_type.get("examples", {"": {"value": None}}).items():
                found[status, name] = example["value"]
    return found


def described_headers(method: str, template: str, status: str) -> set[str]:
    return set(DOCUMENT["paths"][template][method.lower()]["responses"][status].get("headers", ()))


def comparable(body: object) -> Any:
    """Without what differs each time."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uuid", json.dumps(body))
    text = re.sub(r"retry: \d+", "retry: 1", text)
    text = re.sub(r'"nextPollSeconds": [0-9.]+', '"nextPollSeconds": 1', text)
    return json.loads(re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "time", text))


def is_generic(status: str) -> bool:
    return status in ("413", "415", "503")


def test_the_service_gives_every_answer_that_is_an_example(client: FlaskClient, engine: Engine) -> None:
    given: dict[tuple[str, str], set[tuple[str, str]]] = {operation: set() for operation in OPERATIONS}
    for step in a_story(client, engine):
        reply = send(client, step)
        method, _, template = step.operation.partition(" ")
        answer = str(reply.status_code), step.name
        examples = documented(method, template)
        assert answer in examples, (step, reply.text)
        assert comparable(reply.get_json()) == comparable(examples[answer]), step
        assert HEADERS & set(reply.headers.keys()) <= described_headers(method, template, answer[0]), step
        given[method, template].add(answer)

    for operation, answers in given.items():
        shared = {
            answer for answer in documented(*operation) if is_generic(answer[0]) or answer[1] == "not JSON"
        }
        assert answers | shared == set(documented(*operation)), operation


@dataclass(frozen=True)
class Received:
    """An answer of the server itself."""

    status_code: int
    text: str

    def get_json(self) -> Any:
        return json.loads(self.text)


@pytest.fixture
def overloaded_port(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server in which no request may wait."""
    monkeypatch.setattr(connection_loop, "MAX_QUEUED_PER_THREAD", 0)
    with HttpServer(client.application, "127.0.0.1", 0) as server:
        yield server.port


def send_to(port: int, method: str, url: str) -> Received:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    with closing(connection):
        connection.request(method, url)
        reply = connection.getresponse()
        assert reply.getheader("Retry-After") in [str(seconds) for seconds in range(1, 6)]
        return Received(reply.status, reply.read().decode())


@pytest.mark.parametrize(("method", "template"), OPERATIONS)
def test_answers_that_all_operations_share_are_examples_of_each(
    client: FlaskClient, overloaded_port: int, method: str, template: str
) -> None:
    url = template.format(couponId=1, userId=7, userCouponId=1, requestId=ORDERS[0])
    without_database = APPLICATIONS["coupon"]().test_client()
    no_database = without_database.open(url, method=method, json=BODIES.get(template), headers=KEY)
    answers: dict[tuple[str, str], TestResponse | Received] = {
        ("503", "no database"): no_database,
        ("503", "overloaded"): send_to(overloaded_port, method, url),
    }
    if method == "POST":
        long, json_type = b'{"by": "' + b"x" * MAX_BODY_BYTES + b'"}', "application/json"
        answers["400", "not JSON"] = client.post(url, data=b"{", content_type=json_type)
        answers["413", "too long"] = client.post(url, data=long, content_type=json_type)
        answers["415", "of another type"] = client.post(url, data=b"{}", content_type="text/plain")

    examples = documented(method, template)
    for answer, reply in answers.items():
        assert str(reply.status_code) == answer[0], reply.text
        assert comparable(reply.get_json() | {"instance": ""}) == comparable(
            examples[answer] | {"instance": ""}
        )
    assert {answer for answer in examples if is_generic(answer[0]) or answer[1] == "not JSON"} == set(answers)
    assert described_headers(method, template, "503") == {"Retry-After"}


def test_a_repeated_request_is_marked_as_described(client: FlaskClient) -> None:
    body = a_coupon_body()

    again = [client.post("/api/v1/coupons", json=body, headers=KEY) for _ in range(2)][1]

    assert HEADERS & set(again.headers.keys()) == described_headers("POST", "/api/v1/coupons", "201")


def watched(engine: Engine, client: FlaskClient) -> Iterator[tuple[str, str]]:
    """What the watch server sends, by the example's name."""
    refresh = WatchRequests(partial(CouponUnitOfWork, engine, CONSUMER_GROUP))
    coupon_id = create_coupon(client)
    request_id = accepted(client, 7, coupon_id)
    with a_watch_server(refresh, max_watchers=0) as url:
        yield "too many watchers", all_received(connect_to_events(url, request_id))
    with a_watch_server(refresh) as url:
        stream = connect_to_events(url, request_id)
        beginning = received_until(stream, "event: place")
        a_handler(engine).handle(published_events(engine))
        yield "a place, then the decision", beginning + all_received(stream)
        yield "decided already", all_received(connect_to_events(url, request_id))
        yield "no such request", all_received(connect_to_events(url, ORDERS[0]))
        yield "not an id", all_received(connect_to_events(url, "one"))
        stream = connect_to_events(url, accepted(client, 8, coupon_id))
        beginning = received_until(stream, "event: place")
    yield "the process stops", beginning + all_received(stream)


def watched_without_a_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    def refresh(arrived: Collection[UUID], left: Collection[UUID]) -> Round:
        raise ConnectionError("away")

    with a_watch_server(refresh) as url:
        stream = connect_to_events(url, ORDERS[0])
        wait_until(lambda: REGISTRY.get_sample_value("coupon_watchers") == 1, "the stream")
    yield "the process stops", all_received(stream)
    monkeypatch.setattr("coupon_service.http.watching.stream.FIRST_REFRESH_SECONDS", 0.0)
    with a_watch_server(refresh) as url:
        yield "no database", all_received(connect_to_events(url, ORDERS[0]))


def test_the_watch_server_gives_every_answer_that_is_an_example(
    engine: Engine, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = documented(*WATCHED)
    given = set()
    for name, received in (*watched(engine, client), *watched_without_a_database(monkeypatch)):
        head, _, body = received.partition("\r\n\r\n")
        answer = head.split()[1], name
        is_problem = "Content-Type: application/problem+json" in head
        assert answer in examples, received
        assert ("Retry-After: " in head) == ("Retry-After" in described_headers(*WATCHED, answer[0]))
        assert comparable(json.loads(body) if is_problem else body) == comparable(examples[answer]), name
        given.add(answer)
    assert given == set(examples)


def test_the_stream_names_the_watch_servers_default_port() -> None:
    method, template = WATCHED
    [in_front, itself] = DOCUMENT["paths"][template][method.lower()]["servers"]
    assert in_front["url"] == "/"
    port = itself["variables"]["port"]["default"]
    assert int(port) == WatchSettings(database_url="postgresql://x/y").http_port
