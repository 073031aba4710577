"""The streams in the API's OpenAPI document, though another process serves them."""

from copy import deepcopy
from typing import Any

from flask_openapi3.openapi import OpenAPI

from coupon_service.http.coupon_requests import REQUEST_RULE
from servicekit.http.described_headers import describe_retry
from servicekit.http.examples import Examples, add_examples
from servicekit.http.routes import path_template

_REQUEST = path_template(REQUEST_RULE)
EVENTS = f"{_REQUEST}/events"
_METHOD = "get"
_DESCRIPTION = """Server-sent events:
`place` (1 is next; null: not known yet) when it has become better, never with a worse one than before;
`decision`, the last one, with what reading the request returns;
`reconnect` when the process stops: connect again after `retry` milliseconds.
Comments keep the connection open."""


def describe_stream(app: OpenAPI, examples: Examples, port: int) -> None:
    """Add the operation to the document of ``app``; ``port`` is the watch server's, unless configured."""
    paths = app.api_doc["paths"]
    paths[EVENTS] = {_METHOD: _operation(paths[_REQUEST][_METHOD], port)}
    add_examples(app, examples)
    describe_retry(paths[EVENTS][_METHOD]["responses"]["503"])


def _operation(of_request: dict[str, Any], port: int) -> dict[str, Any]:
    """The operation, like that which reads the same request once."""
    responses = of_request["responses"]
    return {
        "tags": of_request["tags"],
        "summary": "Watch a request until it is decided",
        "description": _DESCRIPTION,
        "operationId": "watch_coupon_request",
        "parameters": [one for one in deepcopy(of_request["parameters"]) if one["in"] == "path"],
        "responses": {
            "200": {"description": "OK", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            **{status: _without_examples(responses[status]) for status in ("422", "default")},
        },
        "servers": [
            {"url": "/", "description": "A load balancer in front of the service's processes"},
            {
                "url": "http://{host}:{port}",
                "description": "coupon-service watch",
                "variables": {"host": {"default": "127.0.0.1"}, "port": {"default": str(port)}},
            },
        ],
    }


def _without_examples(response: dict[str, Any]) -> dict[str, Any]:
    content = {kind: {"schema": media["schema"]} for kind, media in response["content"].items()}
    return {**response, "content": content}
