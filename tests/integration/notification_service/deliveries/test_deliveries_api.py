"""``/api/v1/deliveries``: operators list deliveries, retry them and give them up, one or all that match."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from notification_service.api import build_application
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.domain.delivery import DeliveryStatus, Effect
from notification_service.domain.order_event import OrderEvent
from servicekit.identifiers import uuid7
from tests.integration.notification_service.effect_work import (
    delivering,
    delivery_of,
    run_until_final,
    transactions,
)
from tests.support.applications import APPLICATIONS
from tests.support.notification_builders import a_completed_order
from tests.support.sandbox import Sandbox

NOBODYS = UUID(int=1)
"""The id of no delivery; the names of the tests are the same in each run."""
DELIVERIES = "/api/v1/deliveries"
WHY = {"by": "kim", "reason": "the provider was down"}


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    return build_application(engine).test_client()


@pytest.fixture(scope="module")
def without_database() -> FlaskClient:
    """For what is refused before anything is read."""
    return APPLICATIONS["notification"]().test_client()


def fail(engine: Engine, orders: Sequence[OrderEvent], reason: str = "REJECTED") -> None:
    """Their alimtalk is FAILED, as after a provider's refusal."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE delivery SET status = 'FAILED', attempts = 1, due_at = NULL, completed_at = now(),"
                " last_error = :reason WHERE effect = 'ALIMTALK' AND event_id = ANY(CAST(:ids AS uuid[]))"
            ),
            {"reason": reason, "ids": [str(order.event_id) for order in orders]},
        )


def id_of(engine: Engine, order: OrderEvent) -> str:
    return str(delivery_of(engine, order, Effect.ALIMTALK).delivery_id)


def statuses(engine: Engine, orders: Sequence[OrderEvent]) -> list[str]:
    return [delivery_of(engine, order, Effect.ALIMTALK).status.value for order in orders]


def post(client: FlaskClient, path: str, body: dict[str, Any], key: str | None = None) -> TestResponse:
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(f"{DELIVERIES}{path}", json=body, headers=headers)


def test_pages_hold_each_delivery_once(client: FlaskClient, engine: Engine, orders: list[OrderEvent]) -> None:
    fail(engine, orders[:5])
    listed: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = client.get(DELIVERIES, query_string=query).get_json()
        listed += [delivery["deliveryId"] for delivery in page["deliveries"]]
        if page["nextAfter"] is None:
            break
        query["after"] = page["nextAfter"]

    assert listed == sorted(id_of(engine, order) for order in orders[:5])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 3),
        ({"status": "FAILED"}, 3),
        ({"status": ["FAILED", "PENDING"], "effect": "alimtalk"}, 6),
        ({"status": ["FAILED", "PENDING"]}, 18),
        ({"effect": "monitoring"}, 0),
        ({"lastError": "REJECTED"}, 2),
        ({"lastError": "OTHER"}, 1),
    ],
)
def test_a_list_is_filtered(
    client: FlaskClient, engine: Engine, orders: list[OrderEvent], query: dict[str, Any], found: int
) -> None:
    fail(engine, orders[:2])
    fail(engine, orders[2:3], reason="400: a former release stored the reply")

    page = client.get(DELIVERIES, query_string=query).get_json()

    assert len(page["deliveries"]) == found


def test_a_delivery_is_shown_with_attempts_and_operators(
    client: FlaskClient, engine: Engine, sandbox: Sandbox, accept_order_events: AcceptOrderEvents
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    sandbox.control(alimtalk={"rejectNext": 1})
    with delivering(engine, Effect.ALIMTALK, sandbox) as work:
        run_until_final(work, engine, [order], Effect.ALIMTALK)
        path = f"/{id_of(engine, order)}"
        retried = post(client, f"{path}/retry", WHY).get_json()
        assert retried["status"] == "PENDING"
        run_until_final(work, engine, [order], Effect.ALIMTALK)

    shown = client.get(f"{DELIVERIES}{path}").get_json()

    assert (shown["status"], shown["effect"], shown["orderId"]) == (
        "DELIVERED",
        "alimtalk",
        str(order.order_id),
    )
    assert [attempt["outcome"] for attempt in shown["attemptHistory"]] == ["REJECTED", "DELIVERED"]
    assert shown["attemptHistory"][1]["messageId"]
    assert shown["retried"] == {**WHY, "at": retried["at"]}
    assert shown["givenUp"] is None
    assert sandbox.references() == [str(order.event_id)]


def test_what_is_pending_is_given_up_with_who_and_why(
    client: FlaskClient, engine: Engine, orders: list[OrderEvent]
) -> None:
    path = f"/{id_of(engine, orders[0])}"

    done = post(client, f"{path}/give-up", WHY)

    assert (done.status_code, done.get_json()["status"]) == (200, "GIVEN_UP")
    assert done.get_json()["at"] == done_at(client, path)
    assert client.get(f"{DELIVERIES}{path}").get_json()["givenUp"] == {**WHY, "at": done_at(client, path)}
    assert statuses(engine, orders) == ["GIVEN_UP", *["PENDING"] * 5]


def test_what_ends_after_a_retry_is_not_the_operators_doing(
    client: FlaskClient, engine: Engine, orders: list[OrderEvent]
) -> None:
    path = f"/{id_of(engine, orders[0])}"
    post(client, f"{path}/give-up", WHY)
    post(client, f"{path}/retry", WHY)
    with engine.begin() as connection:
        # As a consumer records it after the last attempt.
        connection.execute(
            text(
                "UPDATE delivery SET status = 'GIVEN_UP', due_at = NULL, completed_at = clock_timestamp()"
                " WHERE delivery_id = :delivery_id"
            ),
            {"delivery_id": path[1:]},
        )

    assert client.get(f"{DELIVERIES}{path}").get_json()["givenUp"] is None
    with transactions(engine)() as unit_of_work:
        assert unit_of_work.deliveries.figures().given_up == 1


def done_at(client: FlaskClient, path: str) -> str:
    completed_at: str = client.get(f"{DELIVERIES}{path}").get_json()["completedAt"]
    return completed_at


def test_a_refused_change_says_the_present_status(
    client: FlaskClient, engine: Engine, orders: list[OrderEvent]
) -> None:
    first, second, *_ = orders
    fail(engine, [first, second])
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE completed_order SET recipient_name = NULL, recipient_phone = NULL"
                " WHERE event_id = :event_id"
            ),
            {"event_id": first.event_id},
        )

    given_up = post(client, f"/{id_of(engine, first)}/give-up", WHY)
    erased = post(client, f"/{id_of(engine, first)}/retry", WHY)
    assert post(client, f"/{id_of(engine, second)}/retry", WHY).status_code == 200
    again = post(client, f"/{id_of(engine, second)}/retry", WHY)

    answers = [
        (reply.status_code, reply.get_json()["type"], reply.get_json()["currentStatus"])
        for reply in (given_up, erased, again)
    ]
    assert answers == [
        (409, "urn:problem:delivery-transition-refused", "FAILED"),
        (409, "urn:problem:recipient-erased", "FAILED"),
        (409, "urn:problem:delivery-transition-refused", "PENDING"),
    ]


def test_what_is_being_sent_or_looked_up_is_left(
    client: FlaskClient, engine: Engine, orders: list[OrderEvent]
) -> None:
    with engine.begin() as connection:
        for status, order in (("SENDING", orders[0]), ("UNKNOWN", orders[1])):
            connection.execute(
                text(
                    "UPDATE delivery SET status = :status, attempts = 1, due_at = now() + interval '9 s',"
                    " claim_id = CASE :status WHEN 'SENDING' THEN gen_random_uuid() END"
                    " WHERE effect = 'ALIMTALK' AND event_id = :event_id"
                ),
                {"status": status, "event_id": order.event_id},
            )

    refused = [
        post(client, f"/{id_of(engine, orders[0])}/retry", WHY),
        post(client, f"/{id_of(engine, orders[0])}/give-up", WHY),
        post(client, f"/{id_of(engine, orders[1])}/retry", WHY),
    ]
    counted = post(client, "/retry", {**WHY, "status": ["UNKNOWN"]})
    given_up = post(client, "/give-up", {**WHY, "effect": "alimtalk", "expectedCount": 9}, key="k")

    assert [reply.status_code for reply in refused] == [409, 409, 409]
    assert counted.get_json()["matching"] == 0
    assert given_up.get_json()["changed"] == 5
    assert statuses(engine, orders) == ["SENDING", *["GIVEN_UP"] * 5]


def test_all_that_match_are_counted_first_and_then_changed(
    client: FlaskClient, engine: Engine, orders: list[OrderEvent]
) -> None:
    fail(engine, orders[:3])
    fail(engine, orders[3:4], reason="MESSAGE_TOO_LONG")
    chosen = {**WHY, "lastError": "REJECTED"}

    counted = post(client, "/retry", chosen).get_json()
    assert statuses(engine, orders).count("FAILED") == 4
    changed = post(client, "/retry", {**chosen, "expectedCount": counted["matching"]}, key="k").get_json()

    assert counted == {"action": "RETRY", "dryRun": True, "matching": 3, "changed": 0, "warning": None}
    assert changed == {
        "action": "RETRY",
        "dryRun": False,
        "matching": 3,
        "changed": 3,
        "warning": None,
    }
    assert statuses(engine, orders) == ["PENDING"] * 3 + ["FAILED"] + ["PENDING"] * 2


def test_more_than_was_counted_is_never_touched(
    client: FlaskClient, engine: Engine, orders: list[OrderEvent]
) -> None:
    fail(engine, orders[:2])
    counted = post(client, "/retry", WHY).get_json()["matching"]
    fail(engine, orders[2:5])

    refused = post(client, "/retry", {**WHY, "expectedCount": counted}, key="k")

    assert (refused.status_code, refused.get_json()["matching"]) == (409, 5)
    assert [error["field"] for error in refused.get_json()["errors"]] == ["expectedCount"]
    assert statuses(engine, orders) == ["FAILED"] * 5 + ["PENDING"]
    assert post(client, "/retry", {**WHY, "expectedCount": 5}, key="k").status_code == 200


def test_nothing_expected_changes_nothing(
    client: FlaskClient, engine: Engine, orders: list[OrderEvent]
) -> None:
    nothing = post(client, "/give-up", {**WHY, "lastError": "REJECTED", "expectedCount": 0}, key="k")

    assert nothing.get_json()["changed"] == 0
    assert statuses(engine, orders) == ["PENDING"] * 6


def test_what_may_have_arrived_is_retried_only_by_its_status(
    client: FlaskClient, engine: Engine, orders: list[OrderEvent]
) -> None:
    fail(engine, orders[:1])
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET status = 'EXPIRED' WHERE status = 'FAILED'"))

    assert post(client, "/retry", WHY).get_json()["matching"] == 0
    assert post(client, "/retry", {**WHY, "status": ["EXPIRED"]}).get_json()["matching"] == 1


def test_a_repetition_with_its_key_changes_nothing_more(
    client: FlaskClient, engine: Engine, orders: list[OrderEvent]
) -> None:
    fail(engine, orders[:1])
    one, all_ = f"/{id_of(engine, orders[0])}/retry", {**WHY, "expectedCount": 9}
    first = post(client, one, WHY, key="one")
    again = post(client, one, WHY, key="one")
    fail(engine, orders[:3])
    done = post(client, "/retry", all_, key="all")
    fail(engine, orders[:2])
    repeated = post(client, "/retry", all_, key="all")

    assert again.get_json() == first.get_json()
    assert repeated.get_json() == done.get_json() == {
        "action": "RETRY", "dryRun": False, "matching": 3, "changed": 3, "warning": None,
    }  # fmt: skip
    assert (again.headers["Idempotent-Replayed"], repeated.headers["Idempotent-Replayed"]) == ("true", "true")
    assert statuses(engine, orders[:3]) == ["FAILED", "FAILED", "PENDING"]
    assert post(client, "/retry", {**all_, "expectedCount": 8}, key="all").status_code == 422


def test_repetitions_at_the_same_time_change_once(
    client: FlaskClient, engine: Engine, orders: list[OrderEvent]
) -> None:
    fail(engine, orders)
    app = client.application
    with ThreadPoolExecutor(4) as pool:
        body = {**WHY, "expectedCount": 6}
        replies = list(pool.map(lambda _: post(app.test_client(), "/retry", body, key="k"), range(4)))

    assert {reply.get_json()["changed"] for reply in replies} == {6}
    assert sum("Idempotent-Replayed" in reply.headers for reply in replies) == 3
    assert statuses(engine, orders) == ["PENDING"] * 6


def test_changing_all_needs_a_key_of_the_client(without_database: FlaskClient) -> None:
    body = {**WHY, "expectedCount": 1}
    without = post(without_database, "/give-up", body)
    made_on_the_way = without_database.post(
        f"{DELIVERIES}/give-up",
        json=body,
        headers={"Idempotency-Key": "k", "Idempotency-Key-Set-By": "load-balancer"},
    )

    for reply in (without, made_on_the_way):
        assert (reply.status_code, reply.get_json()["type"]) == (400, "urn:problem:missing-idempotency-key")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", f"/{NOBODYS}"), ("POST", "/retry"), ("POST", f"/{NOBODYS}/give-up")],
)
def test_what_a_proxy_has_forwarded_is_refused(
    without_database: FlaskClient, header: str, method: str, path: str
) -> None:
    reply = without_database.open(
        f"{DELIVERIES}{path}", method=method, json=WHY, headers={header: "for=203.0.113.7"}
    )

    assert (reply.status_code, reply.get_json()["type"]) == (403, "urn:problem:forwarded-request")


def test_other_routes_take_what_a_proxy_has_forwarded(client: FlaskClient) -> None:
    reply = client.get(
        "/api/v1/notifications",
        query_string={"orderId": str(uuid7())},
        headers={"X-Forwarded-For": "203.0.113.7"},
    )

    assert reply.status_code == 200


def test_an_unknown_delivery_is_not_found(client: FlaskClient) -> None:
    replies = [
        client.get(f"{DELIVERIES}/{uuid7()}"),
        post(client, f"/{uuid7()}/retry", WHY),
        post(client, f"/{uuid7()}/give-up", WHY, key="k"),
    ]

    for reply in replies:
        assert (reply.status_code, reply.get_json()["errors"][0]["field"]) == (404, "path.deliveryId")


@pytest.mark.parametrize(
    ("method", "path", "sent", "field"),
    [
        ("GET", "", {"status": "LOST"}, "query.status.0"),
        ("GET", "", {"effect": "sms"}, "query.effect"),
        ("GET", "", {"lastError": "because"}, "query.lastError"),
        ("GET", "", {"limit": "1001"}, "query.limit"),
        ("GET", "", {"after": "7"}, "query.after"),
        ("GET", "", {"page": "2"}, "query.page"),
        ("GET", "/7", {}, "path.deliveryId"),
        ("POST", "/7/retry", WHY, "path.deliveryId"),
        ("POST", f"/{NOBODYS}/retry", {"by": "kim"}, "reason"),
        ("POST", f"/{NOBODYS}/retry", {**WHY, "by": "  "}, "by"),
        ("POST", f"/{NOBODYS}/give-up", {**WHY, "reason": "a\x00b"}, "reason"),
        ("POST", "/retry", {**WHY, "status": ["PENDING"]}, "status.0"),
        ("POST", "/retry", {**WHY, "status": "FAILED"}, "status"),
        ("POST", "/retry", {**WHY, "status": []}, "status"),
        ("POST", "/give-up", {**WHY, "status": []}, "status"),
        ("POST", "/give-up", {**WHY, "status": ["FAILED"]}, "status.0"),
        ("POST", "/give-up", {**WHY, "expectedCount": True}, "expectedCount"),
        ("POST", "/give-up", {**WHY, "expectedCount": -1}, "expectedCount"),
        ("POST", "/give-up", {**WHY, "expectedCount": 100_001}, "expectedCount"),
        ("POST", "/give-up", {**WHY, "everything": True}, "everything"),
    ],
)
def test_a_bad_request_about_deliveries_is_refused_by_field(
    without_database: FlaskClient, method: str, path: str, sent: dict[str, Any], field: str
) -> None:
    reply = (
        without_database.get(f"{DELIVERIES}{path}", query_string=sent)
        if method == "GET"
        else post(without_database, path, sent, key="k")
    )

    assert (reply.status_code, reply.get_json()["type"]) == (422, "urn:problem:validation")
    assert [error["field"] for error in reply.get_json()["errors"]] == [field]


def test_a_retried_delivery_is_due_and_keeps_its_attempts(
    client: FlaskClient, engine: Engine, orders: list[OrderEvent]
) -> None:
    fail(engine, orders[:1])

    assert post(client, f"/{id_of(engine, orders[0])}/retry", WHY).status_code == 200

    found = delivery_of(engine, orders[0], Effect.ALIMTALK)
    assert (found.status, found.attempts, found.completed_at) == (DeliveryStatus.PENDING, 1, None)
    assert found.due_at is not None
