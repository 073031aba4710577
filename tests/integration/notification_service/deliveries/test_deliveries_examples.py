"""Every answer of operators' routes in the OpenAPI document has an example, and the service gives each."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from notification_service.api import build_application
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.domain.delivery import Effect
from notification_service.domain.order_event import OrderEvent
from tests.integration.notification_service.effect_work import delivering, delivery_of, run_until_final
from tests.support.applications import APPLICATIONS
from tests.support.notification_builders import a_completed_order
from tests.support.sandbox import Sandbox

DOCUMENT: dict[str, Any] = APPLICATIONS["notification"]().api_doc
ALL, ONE = "/api/v1/deliveries", "/api/v1/deliveries/{deliveryId}"
OPERATIONS = [
    f"{method.upper()} {template}"
    for template, methods in DOCUMENT["paths"].items()
    if template.startswith(ALL)
    for method in methods
]
WHY = {"by": "kim", "reason": "the provider was down"}
KEY = {"Idempotency-Key": "8e03978e"}
FORWARDED = {"X-Forwarded-For": "203.0.113.7"}
NOBODY = UUID(int=1)


@dataclass(frozen=True)
class Step:
    """A request whose answer is the example ``name`` of its operation."""

    operation: str
    name: str
    path: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    query: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def a_story(engine: Engine, rejected: OrderEvent, erased: OrderEvent) -> Iterator[Step]:
    """One alimtalk was rejected; the recipient of another is erased."""
    first, second = (
        {"deliveryId": delivery_of(engine, order, Effect.ALIMTALK).delivery_id}
        for order in (rejected, erased)
    )
    yield Step(f"GET {ALL}", "a page", query={"limit": 1, "effect": "alimtalk"})
    yield Step(f"GET {ALL}", "a page too large", query={"limit": 1001})
    yield Step(f"GET {ONE}", "rejected", first)
    yield from changing_all()
    yield Step(f"POST {ONE}/give-up", "given up", first, WHY)
    yield Step(f"POST {ONE}/give-up", "was given up already", first, WHY)
    yield Step(f"GET {ONE}", "given up", first)
    yield Step(f"POST {ONE}/retry", "to be attempted again", first, WHY, headers=KEY)
    yield Step(f"POST {ONE}/retry", "is pending already", first, WHY)
    yield Step(f"POST {ONE}/retry", "the key was used for another request", first, OTHER, headers=KEY)
    yield Step(f"POST {ONE}/retry", "the recipient was erased", second, WHY)
    yield from refusing()


OTHER = WHY | {"by": "lee"}


def changing_all() -> Iterator[Step]:
    for verb, effect, count in (("retry", "alimtalk", 1), ("give-up", "monitoring", 2)):
        chosen = WHY | {"effect": effect}
        yield Step(f"POST {ALL}/{verb}", "counted", body=chosen)
        yield Step(f"POST {ALL}/{verb}", "more match", body=chosen | {"expectedCount": 0}, headers=KEY)
        yield Step(f"POST {ALL}/{verb}", "without a key", body=chosen | {"expectedCount": count})
        yield Step(f"POST {ALL}/{verb}", "done", body=chosen | {"expectedCount": count}, headers=KEY)
    yield Step(f"POST {ALL}/retry", "is never retried", body=WHY | {"status": ["DELIVERED"]})
    yield Step(f"POST {ALL}/give-up", "without a reason", body={"by": "kim"})


def refusing() -> Iterator[Step]:
    nobody = {"deliveryId": NOBODY}
    for operation in OPERATIONS:
        path, body = (nobody if "{" in operation else {}), (None if operation.startswith("GET") else WHY)
        yield Step(operation, "forwarded", path, body, headers=FORWARDED)
        if path:
            yield Step(operation, "no such delivery", path, body)
            yield Step(operation, "not an id", {"deliveryId": "one"}, body)


def comparable(body: object) -> Any:
    """Without what differs each time."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uuid", json.dumps(body))
    text = re.sub(r'"messageId": "[^"]+"', '"messageId": "message"', text)
    return json.loads(re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "time", text))


def documented(operation: str) -> dict[tuple[str, str], Any]:
    """The examples of an operation, by status and name; a status without one has the name ""."""
    method, _, template = operation.partition(" ")
    found: dict[tuple[str, str], Any] = {}
    for status, response in DOCUMENT["paths"][template][method.lower()]["responses"].items():
        if status != "default":
            [media_type] = response["content"].values()
            for name, example in media_type.get("examples", {"": {"value": None}}).items():
                found[status, name] = example["value"]
    return found


def answers(client: FlaskClient, steps: Iterator[Step]) -> Iterator[tuple[Step, str, Any]]:
    for step in steps:
        method, _, template = step.operation.partition(" ")
        reply = client.open(
            template.format(**step.path),
            method=method,
            json=step.body,
            query_string={name: str(value) for name, value in step.query.items()},
            headers=dict(step.headers),
        )
        yield step, str(reply.status_code), reply.get_json()


def test_operators_routes_give_every_answer_that_is_an_example(
    engine: Engine, sandbox: Sandbox, accept_order_events: AcceptOrderEvents
) -> None:
    rejected, erased = orders = [a_completed_order(), a_completed_order(phone="02-123-4567")]
    accept_order_events(orders)
    sandbox.control(alimtalk={"rejectNext": 1})
    with delivering(engine, Effect.ALIMTALK, sandbox) as work:
        run_until_final(work, engine, orders, Effect.ALIMTALK)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET status = 'FAILED' WHERE status = 'SKIPPED'"))
        connection.execute(
            text("UPDATE completed_order SET recipient_name = NULL, recipient_phone = NULL"
                 " WHERE recipient_phone LIKE '02%'")
        )  # fmt: skip
    given: dict[str, set[tuple[str, str]]] = {operation: set() for operation in OPERATIONS}
    client = build_application(engine).test_client()

    for step, status, body in answers(client, a_story(engine, rejected, erased)):
        examples = documented(step.operation)
        assert (status, step.name) in examples, (step, body)
        assert comparable(body) == comparable(examples[status, step.name]), step
        given[step.operation].add((status, step.name))

    for operation, names in given.items():
        assert names == set(documented(operation)), operation
