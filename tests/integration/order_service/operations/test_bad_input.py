"""Whatever is sent, it is a 4xx problem that names the field, and nothing is stored."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from devstack.postgresql import PostgresqlServer
from tests.integration.order_service.operations.bad_bodies import (
    CANCELLATIONS,
    LONE_SURROGATE,
    ORDERS,
    PAYMENTS,
    PRODUCTS,
)
from tests.integration.order_service.shop import PROBLEM, Shop, an_order_body, open_shop
from tests.support.databases import fresh_database
from tests.support.service_databases import migrate_orders

# What json.dumps can't write, or wouldn't.
RAW_USER_IDS = [
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "-Infinity",
    "1" * 5_000,
    "01",
    "0x7",
    "1e0",
    "-0",
    "7,7",
]

NOT_OBJECTS = [
    b"{",
    b"[]",
    b"7",
    b"null",
    b'"x"',
    b"\xff\xfe",
    b"[" * 30_000,
    b'{"a":' * 10_000,
    b'{"userId": 7,}',
]


EMPTY = ("payment", "outbox", "idempotency_key")


def _bad_field(value: str | dict[str, Any]) -> str:
    # The bodies are too long, and too strange, for a test's name.
    return value if isinstance(value, str) else ""


@pytest.fixture(scope="module")
def shop(postgresql_server: PostgresqlServer) -> Iterator[Shop]:
    """One for all, since nothing is ever stored in it but the order that is badly paid for."""
    with fresh_database(postgresql_server.url()) as name:
        url = postgresql_server.url(database=name)
        migrate_orders(url)
        with open_shop(url) as shop:
            yield shop


@pytest.fixture(scope="module")
def order_id(shop: Shop) -> str:
    return shop.placed()


@pytest.fixture(autouse=True)
def _nothing_is_stored(shop: Shop, order_id: str) -> Iterator[None]:
    yield
    stored = {table: shop.count(table) for table in ("orders", "product", *EMPTY)}
    assert stored == {"orders": 1, "product": 0, **dict.fromkeys(EMPTY, 0)}


def _check_refused(reply: TestResponse, status: int | None = None, field: str | None = None) -> None:
    assert 400 <= reply.status_code < 500, reply.text
    assert status in {None, reply.status_code}
    assert reply.content_type == PROBLEM
    problem = reply.get_json()
    assert problem["status"] == reply.status_code
    if field is not None:
        # Each body has one thing wrong: whatever else is named would send its reader the wrong way.
        assert [error["field"] for error in problem["errors"]] == [field], problem


def _post(shop: Shop, body: bytes, content_type: str = "application/json") -> TestResponse:
    return shop.client.post("/api/v1/orders", data=body, headers={"Content-Type": content_type})


def _order_as_text(**replacements: str) -> bytes:
    """A sound order in which some text was replaced by what ``json.dumps`` wouldn't write."""
    text = json.dumps(an_order_body())
    for name, value in replacements.items():
        text = text.replace(f'"{name}": 7', f'"{name}": {value}')
    return text.encode()


@pytest.mark.parametrize(("field", "body"), ORDERS, ids=_bad_field)
def test_an_order_with_a_bad_field(shop: Shop, field: str, body: dict[str, Any]) -> None:
    _check_refused(shop.place(body, key="k-1"), field=field)


@pytest.mark.parametrize(("field", "body"), PRODUCTS, ids=_bad_field)
def test_a_product_with_a_bad_field(shop: Shop, field: str, body: dict[str, Any]) -> None:
    reply = shop.client.post("/api/v1/products", json=body, headers={"Idempotency-Key": "k-1"})
    _check_refused(reply, 422, field)


@pytest.mark.parametrize(("field", "body"), PAYMENTS, ids=_bad_field)
def test_a_payment_with_a_bad_field(shop: Shop, order_id: str, field: str, body: dict[str, Any]) -> None:
    path = f"/api/v1/orders/{order_id}/payments"
    _check_refused(shop.client.post(path, json=body, headers={"Idempotency-Key": "k-1"}), field=field)


@pytest.mark.parametrize(("field", "body"), CANCELLATIONS, ids=_bad_field)
def test_a_cancellation_with_a_bad_field(shop: Shop, order_id: str, field: str, body: dict[str, Any]) -> None:
    path = f"/api/v1/orders/{order_id}/cancellations"
    _check_refused(shop.client.post(path, json=body, headers={"Idempotency-Key": "k-1"}), 422, field)


@pytest.mark.parametrize("user_id", RAW_USER_IDS, ids=lambda text: text[:10])
def test_numbers_that_are_none(shop: Shop, user_id: str) -> None:
    _check_refused(_post(shop, _order_as_text(userId=user_id)))


@pytest.mark.parametrize("body", NOT_OBJECTS, ids=lambda body: repr(body[:8]))
def test_bodies_that_are_no_object(shop: Shop, body: bytes) -> None:
    _check_refused(_post(shop, body))


def test_a_name_twice_in_an_object(shop: Shop) -> None:
    _check_refused(_post(shop, _order_as_text(userId='7, "userId": 0')))


def test_an_unknown_name_that_is_no_text(shop: Shop) -> None:
    _check_refused(_post(shop, json.dumps({**an_order_body(), LONE_SURROGATE: 1}).encode()))


def test_a_body_over_64_kib(shop: Shop) -> None:
    _check_refused(_post(shop, json.dumps(an_order_body(padding="x" * 65_536)).encode()), 413)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "json"])
def test_another_content_type(shop: Shop, content_type: str) -> None:
    _check_refused(_post(shop, json.dumps(an_order_body()).encode(), content_type), 415)


def test_no_body_at_all(shop: Shop) -> None:
    _check_refused(shop.client.post("/api/v1/orders"))


@pytest.mark.parametrize(
    "bad_id", ["7", "x", "%00", "%ED%A0%80", "-", "019a1b3c-5a10-7b2d-8e4c", "x" * 2_000]
)
def test_a_path_without_an_order_id(shop: Shop, bad_id: str) -> None:
    for reply in (
        shop.client.get(f"/api/v1/orders/{bad_id}"),
        shop.pay(bad_id),
        shop.cancel(bad_id),
    ):
        _check_refused(reply, 422, "path.orderId")


@pytest.mark.parametrize("bad_id", ["a%20b", "%00", "%ED%A0%80", "-", "상품", "x" * 65, "x" * 2_000])
def test_a_path_without_a_product_id(shop: Shop, bad_id: str) -> None:
    _check_refused(shop.client.get(f"/api/v1/products/{bad_id}"), 422, "path.productId")


@pytest.mark.parametrize(
    ("field", "query"),
    [
        *(("query.limit", f"limit={value}") for value in ("0", "-1", "101", "x", "1.5", "", "9" * 40)),
        *(("query.after", f"after={value}") for value in ("", "a/b", "%00", "x" * 65)),
        ("query.before", "before=C-1"),
    ],
)
def test_a_page_of_products_with_a_bad_query(shop: Shop, field: str, query: str) -> None:
    _check_refused(shop.client.get(f"/api/v1/products?{query}"), 422, field)


@pytest.mark.parametrize("user_id", ["0", "-1", "x", "1.5", "9223372036854775808", "%00", "٧"])
def test_a_path_without_a_user_id(shop: Shop, user_id: str) -> None:
    _check_refused(shop.client.get(f"/api/v1/users/{user_id}/orders"), 422, "path.userId")


@pytest.mark.parametrize(
    ("field", "query"),
    [
        *(("query.limit", f"limit={value}") for value in ("0", "-1", "101", "x", "1.5", "", "9" * 40)),
        *(("query.before", f"before={value}") for value in ("", "7", "%00", "x" * 65)),
        ("query.after", "after=7"),
    ],
)
def test_a_page_of_orders_with_a_bad_query(shop: Shop, field: str, query: str) -> None:
    _check_refused(shop.client.get(f"/api/v1/users/7/orders?{query}"), 422, field)


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\xe9", "a\tb"])
def test_a_bad_idempotency_key(shop: Shop, key: str) -> None:
    _check_refused(shop.place(key=key), 400, "Idempotency-Key")
