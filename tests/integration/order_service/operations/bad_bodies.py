"""Bodies with one thing wrong, each with the name of the field that must be reported."""

from collections.abc import Callable
from typing import Any

from order_service.domain.order import MAX_AMOUNT
from tests.integration.order_service.shop import (
    TOTAL,
    a_cancellation_body,
    a_payment_body,
    a_product_body,
    an_order_body,
)

LONE_SURROGATE = "\ud800"
INT64_OVERFLOW = 2**63

Body = dict[str, Any]
BadBody = tuple[str, Body]


def _item(**changes: Any) -> Body:
    return {"productId": "P-1", "quantity": 1, "unitPrice": 1_000, **changes}


def _with_items(*items: Any) -> Body:
    return an_order_body(items=list(items))


def _with_recipient(**changes: Any) -> Body:
    return an_order_body(recipient={"name": "김하늘", "phone": "010-1234-5678", **changes})


def _payment(**changes: Any) -> Body:
    return {**a_payment_body(), **changes}


def _product(**changes: Any) -> Body:
    return {**a_product_body(), **changes}


def _cancellation(**changes: Any) -> Body:
    return a_cancellation_body((1, 1), **changes)


def _with_line(**changes: Any) -> Body:
    return _cancellation(items=[{"lineNumber": 1, "quantity": 1, **changes}])


def _each(field: str, body: Callable[[Any], Body], *values: Any) -> list[BadBody]:
    return [(field, body(value)) for value in values]


def _without_each(body: Body) -> list[BadBody]:
    return [(name, {other: value for other, value in body.items() if other != name}) for name in body]


NO_INTEGERS: tuple[Any, ...] = (1.0, 1.5, 1e308, True, "2", None, [], {})
NO_TEXTS: tuple[Any, ...] = ("", "a\x00b", LONE_SURROGATE, 7, True, None, ["x"])

ORDERS: list[BadBody] = [
    *_without_each(an_order_body()),
    *_each("userId", lambda value: an_order_body(userId=value), 0, -1, INT64_OVERFLOW, 10**400, *NO_INTEGERS),
    *_each(
        "currency", lambda value: an_order_body(currency=value), "krw", "KR", "KRWW", "ZZZ", "XXX", "₩₩₩", 410
    ),
    *_each("currency", lambda value: an_order_body(currency=value), *NO_TEXTS),
    *_each("items", lambda value: an_order_body(items=value), [], {}, "P-1", None, [_item()] * 201),
    ("items.1", _with_items(_item(), None)),
    ("items.0.productId", _with_items({"quantity": 1, "unitPrice": 1})),
    *_each("items.0.productId", lambda value: _with_items(_item(productId=value)), "x" * 65, *NO_TEXTS),
    *_each(
        "items.0.quantity",
        lambda value: _with_items(_item(quantity=value)),
        *(0, -1, 1_000_001, INT64_OVERFLOW, *NO_INTEGERS),
    ),
    *_each(
        "items.0.unitPrice",
        lambda value: _with_items(_item(unitPrice=value)),
        *(-1, 10**12 + 1, INT64_OVERFLOW, *NO_INTEGERS),
    ),
    ("items.0.unitPrice", _with_items({"productId": "P-1", "quantity": 1})),
    ("items.1.unitPrice", _with_items(_item(), {"productId": "P-2", "quantity": 1})),
    ("items.0.discount", _with_items(_item(discount=1))),
    # Each line is sound, their sum is not.
    ("items", _with_items(*[_item(quantity=1_000_000, unitPrice=10**12)] * 200)),
    ("items", _with_items(_item(quantity=9_007, unitPrice=10**12), _item(unitPrice=MAX_AMOUNT % 10**12 + 1))),
    *_each("recipient", lambda value: an_order_body(recipient=value), None, "김하늘", []),
    *_each("recipient.name", lambda value: _with_recipient(name=value), "김" * 101, *NO_TEXTS),
    *_each(
        "recipient.phone",
        lambda value: _with_recipient(phone=value),
        *("010-1234-56789", "02-123", "119", "+999 123456789", "1-800-FLOWERS", "P-1", "9" * 41),
        *("내선 3", "(집)", "집", "010-1234-5678 010-2345-6789", "0099-10-1234-5678"),
        *NO_TEXTS,
    ),
    ("recipient.email", _with_recipient(email="sky@example.com")),
    ("totalAmount", an_order_body(totalAmount=TOTAL)),
    ("status", an_order_body(status="COMPLETED")),
]

PRODUCTS: list[BadBody] = [
    *_without_each(a_product_body()),
    *_each(
        "productId",
        lambda value: _product(productId=value),
        *("x" * 65, "a/b", "a b", "-a", ".", "..", "a?b", "a%2Fb", "상품", "a\n", *NO_TEXTS),
    ),
    *_each("name", lambda value: _product(name=value), "가" * 201, " ", " \n\t", *NO_TEXTS),
    *_each(
        "unitPrice",
        lambda value: _product(unitPrice=value),
        *(-1, 10**12 + 1, INT64_OVERFLOW, 10**400, *NO_INTEGERS),
    ),
    *_each("currency", lambda value: _product(currency=value), "krw", "KRWW", "ZZZ", "XXX", *NO_TEXTS),
    *_each(
        "stock",
        lambda value: _product(stock=value),
        *(-1, MAX_AMOUNT + 1, INT64_OVERFLOW, 1.0, 1.5, True, "2", [], {}),
    ),
    ("price", _product(price=1)),
    ("createdAt", _product(createdAt="2026-11-30T00:00:00Z")),
]

PAYMENTS: list[BadBody] = [
    *_without_each(a_payment_body()),
    *_each("method", lambda value: _payment(method=value), "card", "CASH", *NO_TEXTS),
    *_each("paymentKey", lambda value: _payment(paymentKey=value), "x" * 501, *NO_TEXTS),
    *_each("amount", lambda value: _payment(amount=value), -1, MAX_AMOUNT + 1, INT64_OVERFLOW, *NO_INTEGERS),
    # Sound, but not this order's total.
    *_each("amount", lambda value: _payment(amount=value), 0, TOTAL - 1, TOTAL + 1, MAX_AMOUNT),
    ("currency", _payment(currency="KRW")),
]

CANCELLATIONS: list[BadBody] = [
    *_each("items", lambda value: _cancellation(items=value), None, [], {}, "1", [{}] * 201),
    ("items.0.lineNumber", _cancellation(items=[{"quantity": 1}])),
    ("items.0.quantity", _cancellation(items=[{"lineNumber": 1}])),
    *_each("items.0.lineNumber", lambda value: _with_line(lineNumber=value), 0, -1, 201, *NO_INTEGERS),
    *_each("items.0.quantity", lambda value: _with_line(quantity=value), 0, 1_000_001, *NO_INTEGERS),
    ("items.0.productId", _with_line(productId="P-1")),
    ("reason", {"items": [{"lineNumber": 1, "quantity": 1}]}),
    *_each("reason", lambda value: _cancellation(reason=value), "가" * 201, " ", *NO_TEXTS),
    ("amount", _cancellation(amount=1)),
]
