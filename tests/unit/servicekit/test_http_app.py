"""Whatever is sent, the answer is a problem that says what is wrong, and never a 500."""

import json
from io import BytesIO
from typing import Annotated, Any

import pytest
import structlog
from flask.testing import FlaskClient
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field, StringConstraints

from servicekit.fields import PathInt64, PositiveInt64, RequestModel, Storable, Time
from servicekit.http.admin import admin_app
from servicekit.http.app import create_app
from servicekit.http.models import BodyModel, PathModel
from servicekit.http.problems import Problem, ProblemType, refused_by_status
from servicekit.http.replies import json_reply
from servicekit.http.routes import Route, declared_routes, route


class ThingPath(PathModel):
    thing_id: PathInt64


class Part(RequestModel):
    part_count: PositiveInt64


class ThingBody(BodyModel):
    name: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=10), Storable]
    parts: Annotated[list[Part], Field(min_length=1)]
    made_at: Time | None = None


class OutOfStock(Exception):
    """Nothing left."""


def broken_dependency() -> None:
    raise ConnectionError("nobody answers")


def thing_routes() -> APIBlueprint:
    routes = APIBlueprint("things", __name__)

    @route(routes, "POST", "/things/<thingId>", summary="Make a thing", replies={201: None})
    def create(path: ThingPath, body: ThingBody) -> Any:
        return json_reply({"thingId": path.thing_id, "name": body.name}, 201)

    @route(routes, "GET", "/sold-out", summary="Refuse", replies={200: None})
    def sold_out() -> Any:
        raise OutOfStock("Nothing left.")

    @route(routes, "GET", "/bug", summary="Fail", replies={200: None})
    def bug() -> Any:
        raise ZeroDivisionError("secret")

    return routes


@pytest.fixture
def client() -> FlaskClient:
    app = create_app(
        "servicekit",
        checks={"database": lambda: None, "kafka": broken_dependency},
        problems=[{OutOfStock: ProblemType(409, "out-of-stock")}],
        routes=[thing_routes()],
    )
    return app.test_client()


def test_declared_routes_are_listed_without_the_built_in_ones(client: FlaskClient) -> None:
    assert set(declared_routes(client.application)) == {
        Route("POST", "/things/{thingId}", "Make a thing"),
        Route("GET", "/sold-out", "Refuse"),
        Route("GET", "/bug", "Fail"),
    }


VALID = {"name": "쿠폰", "parts": [{"partCount": 1}]}


def post(
    client: FlaskClient, body: Any, path: str = "/things/1", **kwargs: Any
) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = client.post(path, data=data, **{"content_type": "application/json", **kwargs})
    assert isinstance(reply.json, dict)
    if reply.status_code >= 400:
        assert reply.content_type == "application/problem+json"
        assert reply.json["status"] == reply.status_code
    return reply.status_code, reply.json


def test_valid_request_is_answered(client: FlaskClient) -> None:
    assert post(client, VALID) == (201, {"thingId": 1, "name": "쿠폰"})


@pytest.mark.parametrize(
    "thing_id", ["0", "-1", "+1", "1_0", "1.0", "x", "٣", "9223372036854775808", "9" * 5000]
)
def test_path_id_that_is_not_a_positive_64_bit_integer_is_named(client: FlaskClient, thing_id: str) -> None:
    status, problem = post(client, VALID, path=f"/things/{thing_id}")
    assert (status, problem["errors"][0]["field"]) == (422, "path.thingId")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 11}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": 7}, "name"),
        ({"parts": []}, "parts"),
        ({"parts": [{"partCount": 0}]}, "parts.0.partCount"),
        ({"parts": [{"partCount": 2**63}]}, "parts.0.partCount"),
        ({"parts": [{"partCount": True}]}, "parts.0.partCount"),
        ({"parts": [{"partCount": "1"}]}, "parts.0.partCount"),
        ({"parts": [{"partCount": 1.0}]}, "parts.0.partCount"),
        ({"madeAt": "2026-01-01T00:00:00"}, "madeAt"),
        ({"unknown": 1}, "unknown"),
        ({"made_at": "2026-01-01T00:00:00Z"}, "madeAt"),
    ],
)
def test_invalid_field_is_named(client: FlaskClient, changes: dict[str, Any], field: str) -> None:
    status, problem = post(client, {**VALID, **changes})
    assert (status, problem["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        (b'{"name": NaN}', 400),
        (b'{"name": "a", "name": "b"}', 400),
        (b"[" * 60_000, 400),
        (b'{"name": ' + b"9" * 10_000 + b"}", 400),
        (b"[]", 422),
        (b'"{}"', 422),
        (b"null", 422),
        (b"", 422),
        (b'{"name": "' + b"x" * 70_000 + b'"}', 413),
    ],
)
def test_body_that_is_no_json_object_is_refused(client: FlaskClient, body: bytes, status: int) -> None:
    actual, problem = post(client, body)
    assert actual == status
    assert problem["errors"][0]["field"] in {"body", "name"}


@pytest.mark.parametrize("tail", [b" " * 70_000, b" " * 65_534 + b"garbage"])
def test_long_body_without_a_length_is_refused_and_not_cut(client: FlaskClient, tail: bytes) -> None:
    reply = client.post(
        "/things/1",
        input_stream=BytesIO(json.dumps(VALID).encode() + tail),
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert reply.status_code == 413


def test_problem_has_the_same_name_on_every_python(client: FlaskClient) -> None:
    """The standard library calls it "Content Too Large" from 3.13 on."""
    reply = client.post("/things/1", data=b"x" * 70_000, content_type="application/json")

    assert reply.status_code == 413
    assert reply.json is not None
    assert reply.json["title"] == "Request Entity Too Large"


def test_other_content_type_is_refused(client: FlaskClient) -> None:
    status, problem = post(client, VALID, content_type="text/plain")
    assert (status, problem["errors"][0]["field"]) == (415, "Content-Type")


def test_unknown_route_and_method_are_problems(client: FlaskClient) -> None:
    assert client.get("/nowhere").content_type == "application/problem+json"
    reply = client.get("/things/1")
    assert reply.status_code == 405
    assert "POST" in reply.headers["Allow"]


def test_error_of_the_domain_is_rendered_with_its_status(client: FlaskClient) -> None:
    reply = client.get("/sold-out")
    assert reply.json is not None
    assert (reply.status_code, reply.json["type"]) == (409, "urn:problem:out-of-stock")


def test_bug_is_a_500_that_tells_nothing(client: FlaskClient) -> None:
    reply = client.get("/bug")
    assert reply.status_code == 500
    assert b"secret" not in reply.data


def test_readiness_names_what_fails_while_the_process_is_alive(client: FlaskClient) -> None:
    assert client.get("/healthz").status_code == 200
    reply = client.get("/readyz")
    assert reply.status_code == 503
    assert reply.json == {
        "status": "unready",
        "checks": {
            "database": {"status": "ok"},
            "kafka": {"status": "failed", "reason": "ConnectionError: nobody answers"},
        },
    }


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            'connection to server at "db.internal" (10.1.2.3), port 5432 failed: Connection refused',
            "connection failed: Connection refused",
        ),
        (
            'connection to server on socket "/run/db/.s.PGSQL.5432" failed: No such file or directory',
            "connection failed: No such file or directory",
        ),
        (
            'could not translate host name "db.internal" to address: x',
            "could not translate host name [removed] to address: x",
        ),
        (
            'server certificate for "10.1.2.3" does not match host name "db.internal"',
            "server certificate for [removed] does not match host name [removed]",
        ),
        ("kafka-1.internal:9092,[::1]:9092: no broker", "[removed],[removed]: no broker"),
        ("is PLAINTEXT what the broker wants?", "is PLAINTEXT what the broker wants?"),
    ],
)
def test_readiness_says_why_without_hosts(message: str, shown: str) -> None:
    def check() -> None:
        raise ConnectionError(message)

    app = admin_app("things", {"server": check})
    with structlog.testing.capture_logs() as logs:
        replies = [app.test_client().get("/readyz").get_json() for _ in range(2)]

    assert [reply["checks"]["server"]["reason"] for reply in replies] == [f"ConnectionError: {shown}"] * 2
    reasons = [line["reason"] for line in logs if line["event"] == "check_failed"]
    assert reasons == [f"ConnectionError: {message}"]


def test_request_id_is_kept_if_sound_and_else_made(client: FlaskClient) -> None:
    assert client.get("/healthz", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    made = client.get("/healthz", headers={"X-Request-Id": "a b\tc"}).headers["X-Request-Id"]
    assert len(made) == 36


def test_metrics_and_documents_are_served(client: FlaskClient) -> None:
    client.get("/healthz")
    assert b"http_requests_total" in client.get("/metrics").data
    document = client.get("/openapi.json").json
    assert document is not None
    assert "/things/{thingId}" in document["paths"]
    assert b"openapi.json" in client.get("/docs", follow_redirects=True).data


def test_problem_says_which_status_forbids_the_request() -> None:
    class Refused(Exception):
        current_status = "USED"

    problem = refused_by_status("not-usable", field="couponId")(Refused("It is used."))
    assert (problem.status, problem.slug, problem.extensions) == (
        409,
        "not-usable",
        {"currentStatus": "USED"},
    )
    assert problem.errors == [{"field": "couponId", "detail": "It is used."}]


def test_problem_carries_its_headers(client: FlaskClient) -> None:
    problem = Problem(503, "busy", "Busy.", headers={"Retry-After": "1"})
    assert (problem.title, problem.headers) == ("Service Unavailable", {"Retry-After": "1"})


def test_pauses_of_a_problem_are_spread_between_the_least_and_the_most() -> None:
    problem_of = ProblemType(503, "busy", retry_after_seconds=(2, 6))
    pauses = {problem_of(OutOfStock()).headers["Retry-After"] for _ in range(200)}
    assert {"2", "6"} <= pauses <= {"2", "3", "4", "5", "6"}
