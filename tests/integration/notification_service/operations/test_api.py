"""The API over the real database."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from notification_service.api import build_application
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.count_sales import CountSales
from notification_service.domain.delivery import Effect
from servicekit.identifiers import uuid7
from tests.integration.notification_service.effect_work import delivering, run_until_final, transactions
from tests.support.notification_builders import a_completed_order
from tests.support.sandbox import Sandbox

SALES = "/api/v1/analytics/sales"
NOTIFICATIONS = "/api/v1/notifications"


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    return build_application(engine).test_client()


def test_an_order_shows_its_three_effects(
    accept_order_events: AcceptOrderEvents, engine: Engine, sandbox: Sandbox, client: FlaskClient
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    with delivering(engine, Effect.ALIMTALK, sandbox) as work:
        run_until_final(work, engine, [order], Effect.ALIMTALK)

    reply = client.get(NOTIFICATIONS, query_string={"orderId": str(order.order_id)})

    assert reply.status_code == 200
    body = reply.get_json()
    assert body["orderId"] == str(order.order_id)
    alimtalk, analytics, monitoring = body["effects"]
    assert [effect["effect"] for effect in body["effects"]] == ["alimtalk", "analytics", "monitoring"]
    assert (alimtalk["status"], alimtalk["attempts"]) == ("DELIVERED", 1)
    assert alimtalk["completedAt"].endswith("Z")
    assert alimtalk["nextAttemptAt"] is None
    assert (analytics["status"], analytics["attempts"], analytics["completedAt"]) == ("PENDING", 0, None)
    assert monitoring["nextAttemptAt"].endswith("Z")
    assert {effect["eventId"] for effect in body["effects"]} == {str(order.event_id)}


def test_an_unknown_order_has_no_effects(client: FlaskClient) -> None:
    order_id = str(uuid7())

    reply = client.get(NOTIFICATIONS, query_string={"orderId": order_id})

    assert (reply.status_code, reply.get_json()) == (200, {"orderId": order_id, "effects": []})


def unreturned(amount: int) -> dict[str, int]:
    """What stands beside an amount where nothing was cancelled."""
    return {"cancellations": 0, "cancelledItems": 0, "cancelledAmount": 0, "netAmount": amount}


def test_sales_are_reported_by_day_and_in_total(
    accept_order_events: AcceptOrderEvents, engine: Engine, client: FlaskClient
) -> None:
    orders = [
        a_completed_order(
            total_amount=1_000, item_count=1, completed_at=datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
        ),
        a_completed_order(
            total_amount=2_000, item_count=2, completed_at=datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
        ),
        a_completed_order(total_amount=799, item_count=8, currency="USD"),
        a_completed_order(total_amount=5_000, completed_at=datetime(2026, 11, 24, 15, 0, tzinfo=UTC)),
    ]
    accept_order_events(orders)
    run_until_final(CountSales(transactions(engine)), engine, orders, Effect.ANALYTICS)

    reply = client.get(SALES, query_string={"from": "2026-11-23", "to": "2026-11-24"})

    assert reply.get_json() == {
        "from": "2026-11-23",
        "to": "2026-11-24",
        "timeZone": "Asia/Seoul",
        "days": [
            {
                "day": "2026-11-23",
                "currency": "KRW",
                "orders": 1,
                "items": 1,
                "amount": 1_000,
                **unreturned(1_000),
            },
            {
                "day": "2026-11-23",
                "currency": "USD",
                "orders": 1,
                "items": 8,
                "amount": 799,
                **unreturned(799),
            },
            {
                "day": "2026-11-24",
                "currency": "KRW",
                "orders": 1,
                "items": 2,
                "amount": 2_000,
                **unreturned(2_000),
            },
        ],
        "totals": [
            {"currency": "KRW", "orders": 2, "items": 3, "amount": 3_000, **unreturned(3_000)},
            {"currency": "USD", "orders": 1, "items": 8, "amount": 799, **unreturned(799)},
        ],
    }


def test_days_without_sales_are_an_empty_list(client: FlaskClient) -> None:
    body = client.get(SALES, query_string={"from": "2026-01-01", "to": "2026-01-01"}).get_json()

    assert (body["days"], body["totals"]) == ([], [])


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        (NOTIFICATIONS, {}, "query.orderId"),
        (NOTIFICATIONS, {"orderId": ""}, "query.orderId"),
        (NOTIFICATIONS, {"orderId": "7"}, "query.orderId"),
        (NOTIFICATIONS, {"orderId": "a\x00b"}, "query.orderId"),
        (NOTIFICATIONS, {"orderId": "1" * 10_000}, "query.orderId"),
        (NOTIFICATIONS, {"orderId": str(uuid7()), "limit": "1"}, "query.limit"),
        (SALES, {}, "query.from"),
        (SALES, {"from": "2026-11-23"}, "query.to"),
        (SALES, {"from": "yesterday", "to": "2026-11-23"}, "query.from"),
        (SALES, {"from": "2026-02-30", "to": "2026-11-23"}, "query.from"),
        (SALES, {"from": "2026-11-23T00:00:01Z", "to": "2026-11-24"}, "query.from"),
        (SALES, {"from": "2026-11-23T00:00:00", "to": "2026-11-24"}, "query.from"),
        (SALES, {"from": "1795392000", "to": "2026-11-24"}, "query.from"),
        (SALES, {"from": "2026-11-23 ", "to": "2026-11-24"}, "query.from"),
        (SALES, {"from": "2026-1-1", "to": "2026-11-24"}, "query.from"),
        (SALES, {"from": "2026-11-23", "to": "2026-11-24T00:00:00"}, "query.to"),
        (SALES, {"from": "0001-01-01", "to": "2026-11-23"}, "query.from"),
        (SALES, {"from": "1e400", "to": "2026-11-23"}, "query.from"),
        (SALES, {"from": "2026-11-23", "to": "2026-11-22"}, "query.to"),
        (SALES, {"from": "2026-11-23", "to": "2028-11-23"}, "query.to"),
        (SALES, {"from": "2026-11-23", "to": "2026-11-23", "currency": "KRW"}, "query.currency"),
    ],
)
def test_an_invalid_request_is_refused_by_field(
    client: FlaskClient, path: str, query: dict[str, Any], field: str
) -> None:
    reply = client.get(path, query_string=query)

    assert reply.status_code == 422
    assert reply.content_type == "application/problem+json"
    assert reply.get_json()["type"] == "urn:problem:validation"
    assert field in [error["field"] for error in reply.get_json()["errors"]]


def test_a_query_that_is_not_utf_8_is_refused(client: FlaskClient) -> None:
    assert client.get(f"{NOTIFICATIONS}?orderId=%ff%fe").status_code == 422
    assert client.get(f"{SALES}?from=%ed%a0%80&to=2026-11-23").status_code == 422


def test_the_api_describes_itself_and_its_health(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").get_json()["paths"]

    assert {NOTIFICATIONS, SALES} <= set(paths)
    assert client.get("/readyz").get_json() == {
        "status": "ready",
        "checks": {"database": {"status": "ok"}},
    }
