"""What every operation can answer is in the OpenAPI document as the server says it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask_openapi3.blueprint import APIBlueprint

from servicekit.config import HttpTimeouts
from servicekit.http import connection_loop
from servicekit.http.app import create_app
from servicekit.http.replies import json_reply
from servicekit.http.routes import route
from servicekit.http.server import HttpServer
from tests.unit.servicekit.test_http_server import answer_to

PATH = "/api/v1/things"
CLOSED = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
SENT = {
    "not readable": b"GET / HTTP/9\r\n\r\n",
    "another method": b"DELETE " + PATH.encode() + CLOSED + b"\r\n",
    "broke off": b"POST " + PATH.encode() + CLOSED + b"Content-Length: 9\r\n\r\n",
    "address too long": b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\n",
    "headers too long": b"GET / HTTP/1.1\r\nX-A: " + b"x" * 9_000 + b"\r\n\r\n",
    "our error": b"GET " + PATH.encode() + CLOSED + b"\r\n",
    "overloaded": b"GET " + PATH.encode() + CLOSED + b"\r\n",
}


def thing_routes() -> APIBlueprint:
    routes = APIBlueprint("things", __name__, url_prefix=PATH)

    @route(routes, "GET", "", summary="Fail", replies={200: None})
    def get_things() -> Any:
        raise ZeroDivisionError("secret")

    @route(routes, "POST", "", summary="Make", replies={201: None}, key="required")
    def post_thing() -> Any:
        return json_reply({}, 201)

    return routes


APP = create_app("servicekit", checks={}, routes=[thing_routes()], examples={})
RESPONSES: dict[str, Any] = APP.api_doc["paths"][PATH]["get"]["responses"]


@pytest.fixture
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    if request.node.callspec.params["name"] == "overloaded":
        monkeypatch.setattr(connection_loop, "MAX_QUEUED_PER_THREAD", 0)
    timeouts = HttpTimeouts(http_request_timeout_seconds=0.2)
    with HttpServer(APP, "127.0.0.1", 0, timeouts=timeouts) as server:
        yield server


def comparable(problem: dict[str, Any]) -> dict[str, Any]:
    """Without ids and numbers of seconds or bytes."""
    return problem | {"requestId": None, "detail": re.sub(r"[0-9.]+", "1", problem["detail"])}


@pytest.mark.parametrize("name", SENT)
def test_the_server_answers_as_in_the_example_of_any_operation(server: HttpServer, name: str) -> None:
    [content] = RESPONSES["default"]["content"].values()
    example = content["examples"][name]["value"]

    status, problem = answer_to(server, SENT[name])

    assert status == example["status"]
    assert comparable(problem) == comparable(example)


def test_every_example_of_any_operation_is_sent() -> None:
    [content] = RESPONSES["default"]["content"].values()
    assert content["examples"].keys() == SENT.keys()


def test_a_route_says_which_key_it_takes_and_what_its_answers_carry() -> None:
    operation = APP.api_doc["paths"][PATH]["post"]
    [key] = operation["parameters"]

    assert (key["name"], key["in"], key["required"]) == ("Idempotency-Key", "header", True)
    assert set(operation["responses"]["201"]["headers"]) == {"Location", "Idempotent-Replayed"}
