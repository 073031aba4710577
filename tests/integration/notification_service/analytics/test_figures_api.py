"""What was counted, over HTTP: as JSON and as CSV, a page at a time."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from notification_service.api import build_application
from notification_service.domain.figures import FigureKind
from notification_service.http.figures.cursors import cursor_of
from tests.integration.notification_service.counted import cancel, count
from tests.support.explained import tables_read_whole
from tests.support.notification_builders import NOON_IN_SEOUL, a_cancellation_of, an_order_of

BASE = "/api/v1/analytics"
NOVEMBER = {"from": "2026-11-01", "to": "2026-11-30"}
LISTS = [kind.value for kind in FigureKind]
NOTHING_CANCELLED = {"cancellations": 0, "cancelledItems": 0, "cancelledAmount": 0}


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    return build_application(engine).test_client()


@pytest.fixture
def counted(engine: Engine) -> None:
    """Two hours of two days, three products, two currencies, and a piece that is cancelled the day after."""
    orders = [
        an_order_of(
            *items,
            user_id=number % 2 + 1,
            currency=currency,
            completed_at=NOON_IN_SEOUL + timedelta(hours=25 * (number // 2)),
            approved_at=NOON_IN_SEOUL,
        )
        for number, (items, currency) in enumerate(
            [
                ([("P-1", 1, 1_000), ("=P&2", 2, 500)], "KRW"),
                ([("P-1", 1, 250)], "USD"),
                ([("P-3", 4, 10)], "KRW"),
                ([("P-1", 1, 1_000)], "KRW"),
            ]
        )
    ]
    cancel(engine, [a_cancellation_of(orders[0], ("P-1", 1, 1_000), completed_at=orders[2].completed_at)])
    count(engine, orders)


def get(client: FlaskClient, path: str, **query: Any) -> Any:
    reply = client.get(f"{BASE}/{path}", query_string=NOVEMBER | query)
    assert reply.status_code == 200, reply.text
    return reply.get_json()


@pytest.mark.usefixtures("counted")
def test_each_list_has_its_figures(client: FlaskClient) -> None:
    hours = get(client, "hours")
    assert (hours["from"], hours["to"], hours["timeZone"]) == ("2026-11-01", "2026-11-30", "Asia/Seoul")
    assert hours["hours"][0] == {
        "startsAt": "2026-11-23T03:00:00.000000Z",
        "day": "2026-11-23", "hour": 12, "currency": "KRW", "orders": 1, "items": 3, "amount": 2_000,
        **NOTHING_CANCELLED, "netAmount": 2_000,
    }  # fmt: skip
    assert [hour["hour"] for hour in hours["hours"]] == [12, 12, 13]
    assert get(client, "days")["days"][-1] == {
        "day": "2026-11-24", "currency": "KRW", "orders": 2, "items": 5, "amount": 1_040,
        "cancellations": 1, "cancelledItems": 1, "cancelledAmount": 1_000, "netAmount": 40,
    }  # fmt: skip
    assert get(client, "products")["products"][0] == {
        "day": "2026-11-23", "currency": "KRW", "productId": "=P&2", "orders": 1, "items": 2, "amount": 1_000,
        **NOTHING_CANCELLED, "netAmount": 1_000,
    }  # fmt: skip
    assert get(client, "baskets")["baskets"][0] == {
        "day": "2026-11-23", "currency": "KRW", "pieces": 3, "orders": 1, "amount": 2_000,
    }  # fmt: skip
    assert get(client, "customers")["customers"] == [
        {"day": "2026-11-23", "newCustomers": 2, "returningCustomers": 0},
        {"day": "2026-11-24", "newCustomers": 0, "returningCustomers": 2},
    ]
    delays = get(client, "delays")["delays"]
    assert {delay["effect"] for delay in delays} == {"analytics"}
    assert sum(delay["deliveries"] for delay in delays) == 4
    assert set(delays[0]) == {"startsAt", "day", "hour", "effect", "upToMs", "deliveries", "totalMs"}


@pytest.mark.usefixtures("counted")
def test_filters_leave_only_what_they_name(client: FlaskClient) -> None:
    assert [day["currency"] for day in get(client, "days", currency="USD")["days"]] == ["USD"]
    products = get(client, "products", productId="P-1", currency="USD")["products"]
    assert [(product["productId"], product["amount"]) for product in products] == [("P-1", 250)]
    assert get(client, "delays", effect="alimtalk")["delays"] == []
    one_day = {"from": "2026-11-24", "to": "2026-11-24"}
    assert {hour["day"] for hour in get(client, "hours", **one_day)["hours"]} == {"2026-11-24"}


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("name", LISTS)
def test_pages_follow_each_other_and_end(client: FlaskClient, name: str) -> None:
    everything = get(client, name)
    assert everything["nextAfter"] is None

    collected: list[Any] = []
    after: dict[str, Any] = {}
    for _ in everything[name]:
        page = get(client, name, limit=1, **after)
        collected += page[name]
        after = {"after": page["nextAfter"]}

    assert collected == everything[name]
    assert after == {"after": None}


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("name", LISTS)
def test_csv_has_the_cells_of_json(client: FlaskClient, name: str) -> None:
    everything = get(client, name)[name]

    lines, link = [], f"?from=2026-11-01&to=2026-11-30&format=csv&limit={len(everything) - 1}"
    for _ in range(2):
        reply = client.get(f"{BASE}/{name}{link}")
        assert reply.content_type == "text/csv; charset=utf-8"
        lines += list(csv.DictReader(io.StringIO(reply.text)))
        link = reply.headers.get("Link", "").removeprefix("<").removesuffix('>; rel="next"')

    as_cells = [{name: "" if cell is None else str(cell) for name, cell in one.items()} for one in everything]
    for one in as_cells:
        # What a spreadsheet would take for a formula.
        if one.get("productId") == "=P&2":
            one["productId"] = "'=P&2"
    assert lines == as_cells
    assert link == ""


def test_a_page_of_nothing_has_the_header_line(client: FlaskClient) -> None:
    assert get(client, "days") == {**NOVEMBER, "timeZone": "Asia/Seoul", "nextAfter": None, "days": []}
    reply = client.get(f"{BASE}/days", query_string=NOVEMBER | {"format": "csv"})
    assert reply.text == (
        "day,currency,orders,items,amount,cancellations,cancelledItems,cancelledAmount,netAmount\r\n"
    )


@pytest.mark.parametrize(
    ("name", "query", "field"),
    [
        ("days", {"from": "yesterday"}, "query.from"),
        ("days", {"to": "2026-10-31"}, "query.to"),
        ("days", {"to": "2028-11-30"}, "query.to"),
        ("days", {"limit": "0"}, "query.limit"),
        ("days", {"limit": "1001"}, "query.limit"),
        ("days", {"format": "xml"}, "query.format"),
        ("days", {"currency": "krw"}, "query.currency"),
        ("days", {"currency": "KRWW"}, "query.currency"),
        ("days", {"productId": "P-1"}, "query.productId"),
        ("products", {"productId": ""}, "query.productId"),
        ("products", {"productId": "a\x00b"}, "query.productId"),
        ("customers", {"currency": "KRW"}, "query.currency"),
        ("delays", {"effect": "sms"}, "query.effect"),
        ("days", {"after": "?"}, "query.after"),
        ("days", {"after": "e30"}, "query.after"),
        ("days", {"after": "x" * 2_001}, "query.after"),
        ("days", {"after": cursor_of((NOON_IN_SEOUL, "KRW"))}, "query.after"),
        ("hours", {"after": cursor_of((NOON_IN_SEOUL.date(), "KRW"))}, "query.after"),
        ("hours", {"after": cursor_of((NOON_IN_SEOUL.replace(tzinfo=None), "KRW"))}, "query.after"),
        ("products", {"after": cursor_of((NOON_IN_SEOUL.date(), "KRW", "a\x00"))}, "query.after"),
        ("products", {"after": "WyIyMDI2LTExLTIzIiwiS1JXIiwiXHVkODAwIl0"}, "query.after"),
        ("baskets", {"after": cursor_of((NOON_IN_SEOUL.date(), "KRW", 2**63))}, "query.after"),
        ("baskets", {"after": "WyIyMDI2LTAxLTAxIiwgIktSVyIsIHRydWVd"}, "query.after"),
        ("delays", {"after": cursor_of((NOON_IN_SEOUL, "ALIMTALK", True))}, "query.after"),
    ],
)
def test_bad_parameters_are_named(client: FlaskClient, name: str, query: dict[str, str], field: str) -> None:
    reply = client.get(f"{BASE}/{name}", query_string=NOVEMBER | query)

    assert (reply.status_code, reply.content_type) == (422, "application/problem+json"), reply.text
    assert reply.get_json()["type"] == "urn:problem:validation"
    assert field in [error["field"] for error in reply.get_json()["errors"]]


def test_lists_are_read_by_their_key(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO sales_by_product SELECT date '2026-01-01' + number % 300, 'KRW', 'P-' || number,"
                " 1, 1, 1 FROM generate_series(1, 30000) AS number"
            )
        )
        connection.execute(
            text(
                "INSERT INTO cancelled_by_product SELECT * FROM sales_by_product WHERE items > 0 LIMIT 20000"
            )
        )
        connection.execute(text("ANALYZE sales_by_product, cancelled_by_product"))
    after = cursor_of((NOON_IN_SEOUL.date(), "KRW", "P-1"))

    with tables_read_whole(engine) as read_whole:
        get(client, "products", after=after)

    assert not {"sales_by_product", "cancelled_by_product"} & read_whole
