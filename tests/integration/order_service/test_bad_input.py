"""Whatever is sent, it is a 4xx problem that names the field, and nothing is stored."""

import json
from typing import Any

import pytest

from order_service.domain.order import MAX_AMOUNT
from tests.integration.order_service.shop import PROBLEM, TOTAL, Shop, a_payment_body, an_order_body

LONE_SURROGATE = "\ud800"
INT64_OVERFLOW = 2**63


def _item(**changes: Any) -> dict[str, Any]:
    return {"productId": "P-1", "quantity": 1, "unitPrice": 1_000, **changes}


def _recipient(**changes: Any) -> dict[str, Any]:
    return {"name": "김하늘", "phone": "010-1234-5678", **changes}


def _without(name: str) -> dict[str, Any]:
    return {field: value for field, value in an_order_body().items() if field != name}


ORDERS: list[tuple[str, dict[str, Any]]] = [
    *((name, _without(name)) for name in an_order_body()),
    *(
        ("userId", an_order_body(userId=value))
        for value in (0, -1, INT64_OVERFLOW, 10**400, 1.0, 1.5, True, "7", None, [], {}, float("1e308"))
    ),
    *(
        ("currency", an_order_body(currency=value))
        for value in (
            "krw",
            "KR",
            "KRWW",
            "ZZZ",
            "XXX",
            "XTS",
            "",
            "₩₩₩",
            410,
            None,
            LONE_SURROGATE,
            "KR\x00",
        )
    ),
    ("items", an_order_body(items=[])),
    ("items", an_order_body(items={})),
    ("items", an_order_body(items="P-1")),
    ("items", an_order_body(items=[_item()] * 201)),
    ("items.1", an_order_body(items=[_item(), None])),
    ("items.0.productId", an_order_body(items=[{"quantity": 1, "unitPrice": 1}])),
    *(
        ("items.0.quantity", an_order_body(items=[_item(quantity=value)]))
        for value in (0, -1, 1_000_001, INT64_OVERFLOW, 1.0, True, "2", None)
    ),
    *(
        ("items.0.unitPrice", an_order_body(items=[_item(unitPrice=value)]))
        for value in (-1, 10**12 + 1, INT64_OVERFLOW, 0.5, True, "2", None)
    ),
    *(
        ("items.0.productId", an_order_body(items=[_item(productId=value)]))
        for value in ("", "x" * 65, "a\x00b", LONE_SURROGATE, 7, None, ["P-1"])
    ),
    ("items.0.discount", an_order_body(items=[_item(discount=1)])),
    ("items", an_order_body(items=[_item(quantity=1_000_000, unitPrice=10**12)] * 200)),
    (
        "items",
        an_order_body(
            items=[_item(quantity=1, unitPrice=10**12)] * 1 + [_item(quantity=9_007, unitPrice=10**12)]
        ),
    ),
    *(
        ("recipient.name", an_order_body(recipient=_recipient(name=value)))
        for value in ("", "김" * 101, "a\x00b", LONE_SURROGATE, 7, None)
    ),
    *(
        ("recipient.phone", an_order_body(recipient=_recipient(phone=value)))
        for value in (
            "",
            "010-123-4567",
            "02-123-4567",
            "010-1234-56789",
            "+82-10-1234-5678",
            "010 1234 5678",
            "010-1234-5678\n",
            "\uff10\uff11\uff10-1234-5678",
            "010-1234-567\u0668",
            1012345678,
            None,
            LONE_SURROGATE,
        )
    ),
    ("recipient", an_order_body(recipient=None)),
    ("recipient.email", an_order_body(recipient=_recipient(email="a@b"))),
    ("totalAmount", an_order_body(totalAmount=TOTAL)),
    ("status", an_order_body(status="COMPLETED")),
]

PAYMENTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {n: v for n, v in a_payment_body().items() if n != name}) for name in a_payment_body()),
    *(("method", a_payment_body(method=value)) for value in ("", "card", "CASH", 1, None, LONE_SURROGATE)),
    *(("paymentKey", a_payment_body(value)) for value in ("", "x" * 201, "a\x00b", LONE_SURROGATE)),
    *(("paymentKey", a_payment_body(paymentKey=value)) for value in (1, None)),
    *(
        ("amount", a_payment_body(amount=value))
        for value in (-1, MAX_AMOUNT + 1, INT64_OVERFLOW, float(TOTAL), str(TOTAL), True, None)
    ),
    ("currency", a_payment_body(currency="KRW")),
]

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


def _check_refused(shop: Shop, reply: Any, field: str | None) -> None:
    assert 400 <= reply.status_code < 500, reply.text
    assert reply.content_type == PROBLEM
    problem = reply.get_json()
    assert problem["status"] == reply.status_code
    if field is not None:
        assert field in {error["field"] for error in problem["errors"]}, problem


def _check_nothing_stored(shop: Shop, orders: int = 0) -> None:
    stored = {table: shop.count(table) for table in ("orders", "payment", "outbox", "idempotency_key")}
    assert stored == {"orders": orders, "payment": 0, "outbox": 0, "idempotency_key": 0}


def test_an_order_with_a_bad_field(shop: Shop) -> None:
    for field, body in ORDERS:
        _check_refused(shop, shop.place(body, key="k-1"), field)
    _check_nothing_stored(shop)


def test_a_payment_with_a_bad_field(shop: Shop) -> None:
    order_id = shop.placed()
    for field, body in PAYMENTS:
        reply = shop.client.post(
            f"/api/v1/orders/{order_id}/payments", json=body, headers={"Idempotency-Key": "k-1"}
        )
        _check_refused(shop, reply, field)
    _check_nothing_stored(shop, orders=1)


@pytest.mark.parametrize("user_id", RAW_USER_IDS, ids=lambda text: text[:10])
def test_numbers_that_are_none(shop: Shop, user_id: str) -> None:
    body = json.dumps(an_order_body()).replace('"userId": 7', f'"userId": {user_id}')
    _check_refused(shop, _post(shop, body.encode()), None)
    _check_nothing_stored(shop)


@pytest.mark.parametrize("body", NOT_OBJECTS, ids=lambda body: repr(body[:8]))
def test_bodies_that_are_no_object(shop: Shop, body: bytes) -> None:
    _check_refused(shop, _post(shop, body), None)
    _check_nothing_stored(shop)


def test_a_name_twice_in_an_object_does_no_harm(shop: Shop) -> None:
    body = json.dumps(an_order_body()).replace('"userId": 7', '"userId": "x", "userId": 7')
    assert _post(shop, body.encode()).status_code < 500


def test_an_unknown_name_that_is_no_text(shop: Shop) -> None:
    body = json.dumps({**an_order_body(), LONE_SURROGATE: 1})
    _check_refused(shop, _post(shop, body.encode()), None)
    _check_nothing_stored(shop)


def test_a_body_over_64_kib(shop: Shop) -> None:
    reply = _post(shop, json.dumps(an_order_body(padding="x" * 65_536)).encode())
    assert reply.status_code == 413
    _check_refused(shop, reply, None)
    _check_nothing_stored(shop)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "json"])
def test_another_content_type(shop: Shop, content_type: str) -> None:
    reply = shop.client.post(
        "/api/v1/orders", data=json.dumps(an_order_body()).encode(), headers={"Content-Type": content_type}
    )
    assert reply.status_code == 415
    _check_refused(shop, reply, None)
    _check_nothing_stored(shop)


def test_no_body_at_all(shop: Shop) -> None:
    _check_refused(shop, shop.client.post("/api/v1/orders"), None)
    _check_nothing_stored(shop)


@pytest.mark.parametrize(
    "order_id", ["7", "x", "%00", "%ED%A0%80", "-", "019a1b3c-5a10-7b2d-8e4c", "x" * 2_000]
)
def test_a_path_without_an_order_id(shop: Shop, order_id: str) -> None:
    for reply in (shop.client.get(f"/api/v1/orders/{order_id}"), shop.pay(order_id)):
        _check_refused(shop, reply, "path.orderId")
    _check_nothing_stored(shop)


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\xe9", "a\tb"])
def test_a_bad_idempotency_key(shop: Shop, key: str) -> None:
    _check_refused(shop, shop.place(key=key), "Idempotency-Key")
    _check_nothing_stored(shop)


def _post(shop: Shop, body: bytes) -> Any:
    return shop.client.post("/api/v1/orders", data=body, content_type="application/json")
