"""The examples of reading in the OpenAPI document are what the service answers."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from notification_service.api import build_application
from notification_service.http.figures.cursors import cursor_of
from tests.integration.notification_service.counted import cancel, count, on
from tests.support.applications import APPLICATIONS
from tests.support.notification_builders import a_cancellation_of, an_order_of

DOCUMENT: dict[str, Any] = APPLICATIONS["notification"]().api_doc
BASE, NOTIFICATIONS = "/api/v1/analytics", "/api/v1/notifications"
DAY = {"from": "2026-11-28", "to": "2026-11-28"}
REFUSED: dict[str, dict[str, str]] = {
    "days": {"limit": "1001"},
    "hours": {"after": cursor_of((1,))},
    "products": {"currency": "won"},
    "baskets": {"format": "xml"},
    "customers": {"to": "2026-11-27"},
    "delays": {"effect": "sms"},
}
"""A query of each list that is refused."""


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    """The service with two customers' orders of one day."""
    noon = an_order_of(**on(an_order_of(), days=5))
    orders = [
        an_order_of(("P-1", 2, 15_000), ("P-2", 1, 3_500), completed_at=noon.completed_at),
        an_order_of(("P-1", 1, 15_000), **on(noon, hours=1) | {"approved_at": None}),
        an_order_of(("P-9", 1, 1_999), user_id=8, currency="USD", completed_at=noon.completed_at),
    ]
    cancel(engine, [a_cancellation_of(orders[0], ("P-1", 1, 15_000), completed_at=noon.completed_at)])
    count(engine, orders)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO effect_delay_entry (quarter_start, effect, up_to_ms, deliveries, total_ms)"
                " VALUES ('2026-11-28T03:00:00Z', 'ALIMTALK', 2500, 2, 3100),"
                " ('2026-11-28T03:15:00Z', 'MONITORING', 250, 3, 400)"
            )
        )
    return build_application(engine).test_client()


ORDER = "01a2250e-e320-7460-a110-5a8121098b5c"


@pytest.mark.parametrize(
    ("path", "query", "status", "name"),
    [
        (f"{BASE}/sales", DAY, "200", "a day"),
        (f"{BASE}/sales", DAY | {"from": "1"}, "422", "not a day"),
        (NOTIFICATIONS, {"orderId": ORDER}, "200", "no effects"),
        (NOTIFICATIONS, {"orderId": "1"}, "422", "not an order"),
    ],
)
def test_sales_and_effects_are_answered_as_in_the_examples(
    client: FlaskClient, path: str, query: dict[str, str], status: str, name: str
) -> None:
    reply = client.get(path, query_string=query)

    [media_type] = DOCUMENT["paths"][path]["get"]["responses"][status]["content"].values()
    example = media_type["examples"][name]["value"]
    assert str(reply.status_code) == status
    assert comparable(reply.get_json()) == comparable(example)


def content(name: str, status: str) -> Any:
    return DOCUMENT["paths"][f"{BASE}/{name}"]["get"]["responses"][status]["content"]


def comparable(body: dict[str, Any]) -> dict[str, Any]:
    """Without what differs each time."""
    return body | {"requestId": None}


def test_every_list_has_an_example_of_each_answer() -> None:
    lists = {path.removeprefix(f"{BASE}/") for path in DOCUMENT["paths"] if path.startswith(f"{BASE}/")}
    assert lists - {"sales"} == REFUSED.keys()
    for name in REFUSED:
        assert set(content(name, "200")) == {"application/json", "text/csv"}


@pytest.mark.parametrize("name", REFUSED)
def test_each_example_is_an_answer(client: FlaskClient, name: str) -> None:
    page = client.get(f"{BASE}/{name}", query_string=DAY | {"limit": "1"})
    as_csv = client.get(f"{BASE}/{name}", query_string=DAY | {"limit": "1", "format": "csv"})
    refused = client.get(f"{BASE}/{name}", query_string=DAY | REFUSED[name])

    [example] = content(name, "200")["application/json"]["examples"].values()
    assert (page.status_code, page.get_json()) == (200, example["value"])
    assert as_csv.text == content(name, "200")["text/csv"]["example"]
    [example] = content(name, "422")["application/problem+json"]["examples"].values()
    assert (refused.status_code, comparable(refused.get_json())) == (422, comparable(example["value"]))
    # The rules themselves, which pydantic words.
    assert re.match(r"(Input|String|The) ", example["value"]["errors"][0]["detail"])
