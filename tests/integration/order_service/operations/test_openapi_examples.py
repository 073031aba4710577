"""The examples in the OpenAPI document are what the service answers."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from order_service.application.expire_orders import ExpireOrders
from order_service.application.ports import Coupons
from order_service.coupons.http_coupons import HttpCoupons
from order_service.gateways.portone.webhooks import PortoneWebhooks
from order_service.gateways.toss.webhooks import parse_webhook
from order_service.persistence.unit_of_work import OrderUnitOfWork
from provider_sandbox.gateways.portone.account import STORE_ID, WEBHOOK_SECRET
from servicekit.http.validation import MAX_BODY_BYTES
from tests.integration.order_service.coupon_shop import CouponShop
from tests.integration.order_service.hints import a_toss_body
from tests.integration.order_service.postponed import a_report
from tests.integration.order_service.shop import (
    Shop,
    a_cancellation_body,
    a_payment_body,
    a_product_body,
    an_order_body,
    an_order_of,
)
from tests.support.applications import APPLICATIONS

DOCUMENT: dict[str, Any] = APPLICATIONS["order"]().api_doc
PRODUCTS, PRODUCT = "/api/v1/products", "/api/v1/products/{productId}"
ORDERS, ORDER = "/api/v1/orders", "/api/v1/orders/{orderId}"
PAYMENTS, USER_ORDERS = f"{ORDER}/payments", "/api/v1/users/{userId}/orders"
CANCELLATIONS = f"{ORDER}/cancellations"
WEBHOOKS = "/api/v1/gateways/{name}/webhooks"
NO_BODY = ""
OPERATIONS = [
    (method.upper(), template) for template, methods in DOCUMENT["paths"].items() for method in methods
]
KEY = {"Idempotency-Key": "k-1"}
NOWHERE = {
    "productId": "C-1", "userId": "7", "orderId": "01a2250e-e320-7460-a110-5a8121098b5c", "name": "toss"
}  # fmt: skip
PARSERS = {"toss": parse_webhook, "portone": PortoneWebhooks([WEBHOOK_SECRET], STORE_ID).parse}
OF_ALL = {("400", "not JSON"), ("413", "too long"), ("415", "of another type"), ("503", "no database")}
AGE = timedelta(days=2)


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """A service that receives webhooks."""
    return Shop(shop.engine, webhooks=PARSERS)


@dataclass(frozen=True)
class Step:
    """A request, with the name that its answer has as an example."""

    operation: str
    name: str
    path: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | list[Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    requires_catalogue: bool = False
    coupons: Coupons | None = None


def a_story(shop: Shop, coupon_shop: CouponShop) -> Iterator[Step]:
    yield from filling_the_catalogue()
    yield from ordering()
    yield from using_coupons(shop, coupon_shop)
    yield from paying(shop)
    yield from reading(shop)
    yield from cancelling(shop)
    yield from reporting(shop)


def filling_the_catalogue() -> Iterator[Step]:
    add, mug = f"POST {PRODUCTS}", a_product_body("C-2", name="머그 컵", unitPrice=8_000, stock=None)
    yield Step(f"GET {PRODUCTS}", "no product yet")
    yield Step(add, "a product", body=a_product_body(), headers=KEY)
    yield Step(add, "a product without limit", body=mug)
    yield Step(add, "in the catalogue already", body=a_product_body())
    yield Step(add, "fields out of range", body=a_product_body(unitPrice=-1, stock=-1))
    yield Step(add, "the key was used for another request", body=mug, headers=KEY)
    yield Step(add, "not a key", body=mug, headers={"Idempotency-Key": "with blank"})
    yield Step(f"GET {PRODUCTS}", "a page", query={"limit": "1"})
    yield Step(f"GET {PRODUCTS}", "not a page", query={"limit": "0"})
    yield Step(f"GET {PRODUCT}", "a product", {"productId": "C-1"})
    yield Step(f"GET {PRODUCT}", "no such product", {"productId": "C-9"})
    yield Step(f"GET {PRODUCT}", "not an id", {"productId": "-"})


def ordering() -> Iterator[Step]:
    place, of_catalogue = f"POST {ORDERS}", an_order_of(("C-1", 10), ("C-2", 1))
    yield Step(place, "of the catalogue", body=of_catalogue, headers=KEY)
    yield Step(place, "outside of the catalogue", body=an_order_body())
    for name, item in (
        ("another price", {"productId": "C-1", "quantity": 1, "unitPrice": 1}),
        ("without a price", {"productId": "P-1", "quantity": 1}),
        ("fields out of range", {"productId": "C-1", "quantity": 0}),
        ("over the limit", {"productId": "P-1", "quantity": 1_000_000, "unitPrice": 10**12}),
    ):
        yield Step(place, name, body=an_order_body(items=[item]))
    yield Step(place, "another currency", body=an_order_of(("C-1", 1), currency="USD"))
    yield Step(place, "not in the catalogue", body=an_order_body(), requires_catalogue=True)
    yield Step(place, "the key was used for another request", body=an_order_body(), headers=KEY)
    yield Step(place, "not a key", body=of_catalogue, headers={"Idempotency-Key": ""})


def using_coupons(shop: Shop, coupon_shop: CouponShop) -> Iterator[Step]:
    place = f"POST {ORDERS}"
    # What the other one answers says nothing about the coupon.
    here, away = (HttpCoupons(url, at_once=1) for url in (coupon_shop.url, f"{coupon_shop.url}/away"))
    held, of_large_orders = coupon_shop.issued(), coupon_shop.issued(minimumOrderAmount=10**9)
    yield Step(place, "with a coupon", body=an_order_body(userCouponId=held), coupons=here)
    yield Step(place, "coupon not usable", body=an_order_body(userCouponId=held), coupons=here)
    yield Step(place, "coupon of another user", body=an_order_body(userCouponId=held, userId=9), coupons=here)
    yield Step(
        place, "below the coupon's minimum", body=an_order_body(userCouponId=of_large_orders), coupons=here
    )
    yield Step(place, "no coupons here", body=an_order_body(userCouponId=held))
    yield Step(place, "coupon service away", body=an_order_body(userCouponId=held), coupons=away)
    # Which may have reserved it.
    yield Step(place, "coupon busy", body=an_order_body(userCouponId=held), coupons=here)


def paying(shop: Shop) -> Iterator[Step]:
    pay, orders = f"POST {PAYMENTS}", [shop.placed(an_order_of(("C-1", 10))) for _ in range(3)]
    bought, late, old = ({"orderId": order_id} for order_id in orders)
    body = a_payment_body("pay-1", amount=120_000)
    yield Step(f"GET {ORDER}", "waits for its payment", bought)
    yield Step(pay, "declined", bought, body | {"paymentKey": "decline-1"})
    yield Step(pay, "another amount", bought, body | {"amount": 1})
    yield Step(pay, "outcome unknown", late, body | {"paymentKey": "silent-1"}, headers=KEY)
    yield Step(pay, "the key was used for another request", late, body | {"paymentKey": "pay-2"}, headers=KEY)
    yield Step(pay, "not a key", bought, body, headers={"Idempotency-Key": ""})
    yield Step(pay, "fields out of range", bought, body | {"amount": -1})
    yield Step(pay, "pays for another order", bought, body | {"paymentKey": "silent-1"})
    yield Step(pay, "approved", bought, body)
    yield Step(pay, "completed already", bought, body)
    yield Step(f"GET {ORDER}", "completed", bought)
    yield Step(pay, "charged, and sold out meanwhile", late, body | {"paymentKey": "silent-1"}, headers=KEY)
    yield Step(pay, "sold out", late, body)
    shop.execute(f"UPDATE orders SET created_at = created_at - interval '{AGE.days} days'")  # noqa: S608
    ExpireOrders(partial(OrderUnitOfWork, shop.engine), AGE / 2, a_report())()
    yield Step(pay, "expired", old, body)
    yield Step(f"GET {ORDER}", "expired", old)
    yield Step(pay, "no such order", {"orderId": NOWHERE["orderId"]}, body)
    yield Step(f"GET {ORDER}", "no such order", {"orderId": NOWHERE["orderId"]})
    yield Step(f"GET {ORDER}", "not an id", {"orderId": "7"})


def reading(shop: Shop) -> Iterator[Step]:
    read, mine = f"GET {USER_ORDERS}", {"userId": "7"}
    yield Step(read, "a page", mine, query={"limit": "1"})
    yield Step(read, "no orders", {"userId": "9"})
    yield Step(read, "not an id", {"userId": "0"})
    yield Step(read, "not a page", mine, query={"limit": "101"})
    yield Step(read, "a page of another list", {"userId": "9"}, query={"before": shop.placed()})


def cancelling(shop: Shop) -> Iterator[Step]:
    cancel, orders = f"POST {CANCELLATIONS}", [shop.paid() for _ in range(3)]
    bought, slow, refused = ({"orderId": order_id} for order_id in orders)
    a_piece = a_cancellation_body((1, 1))
    yield Step(cancel, "a piece", bought, a_piece, headers=KEY)
    yield Step(cancel, "the key was used for another request", bought, a_cancellation_body(), headers=KEY)
    yield Step(cancel, "not a key", bought, a_piece, headers={"Idempotency-Key": ""})
    for name, lines in (
        ("no such line", [(3, 1)]),
        ("a line twice", [(1, 1), (1, 1)]),
        ("more than is left", [(1, 2)]),
        ("fields out of range", [(0, 0)]),
    ):
        yield Step(cancel, name, bought, a_cancellation_body(*lines))
    yield Step(f"GET {ORDER}", "cancelled in part", bought)
    yield Step(cancel, "all that is left", bought, a_cancellation_body())
    yield Step(cancel, "cancelled already", bought, a_cancellation_body())
    yield Step(f"GET {ORDER}", "cancelled", bought)
    yield Step(f"POST {PAYMENTS}", "cancelled", bought, a_payment_body("pay-2"))
    shop.gateway.refunds_without_answer = 1
    yield Step(cancel, "not returned yet", slow, a_piece)
    yield Step(cancel, "another one under way", slow, a_piece)
    many = "SELECT gen_random_uuid(), order_id, payment_id, 0, 'part', now(), now() FROM payment"
    shop.execute(
        "INSERT INTO cancellation (cancellation_id, order_id, payment_id, amount, reason, requested_at,"
        f" cancelled_at) {many}, generate_series(1, 99) WHERE order_id = '{refused['orderId']}'"
    )
    yield Step(cancel, "by parts too often", refused, a_piece)
    shop.gateway.refund_refusal = "NOT_AVAILABLE_BANK"
    yield Step(cancel, "refused by the gateway", refused, a_cancellation_body())
    taken_back = {"orderId": shop.paid()}
    shop.execute(
        f"UPDATE payment SET taken_back_at = now() WHERE order_id = '{taken_back['orderId']}'"  # noqa: S608
    )
    yield Step(cancel, "its money taken back", taken_back, a_piece)
    unpaid = {"orderId": shop.placed()}
    yield Step(cancel, "not paid", unpaid, a_piece)
    shop.execute(f"UPDATE orders SET expired_at = now() WHERE order_id = '{unpaid['orderId']}'")  # noqa: S608
    yield Step(cancel, "expired", unpaid, a_piece)
    yield Step(cancel, "no such order", {"orderId": NOWHERE["orderId"]}, a_piece)


def reporting(shop: Shop) -> Iterator[Step]:
    report, toss = f"POST {WEBHOOKS}", {"name": "toss"}
    yield Step(report, NO_BODY, toss, a_toss_body(shop.placed(), "pay-1"))
    yield Step(report, "not a webhook", toss, {"eventType": "PAYMENT_STATUS_CHANGED"})
    yield Step(report, "not signed", {"name": "portone"}, {"type": "Transaction.Paid"})
    yield Step(report, "no such gateway", {"name": "other"}, {})
    yield Step(report, "not an object", toss, [])


def send(shop: Shop, step: Step) -> tuple[str, Any]:
    client = shop.client
    if step.requires_catalogue or step.coupons is not None:
        client = Shop(shop.engine, requires_catalogue=step.requires_catalogue, coupons=step.coupons).client
    method, _, template = step.operation.partition(" ")
    reply = client.open(
        template.format(**step.path),
        method=method,
        json=step.body,
        query_string=dict(step.query),
        headers=dict(step.headers),
    )
    return str(reply.status_code), reply.get_json()


def examples_of(method: str, template: str) -> dict[tuple[str, str], Any]:
    """By status and name; a status without one has the name NO_BODY."""
    found: dict[tuple[str, str], Any] = {}
    for status, response in DOCUMENT["paths"][template][method.lower()]["responses"].items():
        if status != "default":
            [content] = response.get("content", {"": {}}).values()
            for name, example in content.get("examples", {NO_BODY: {"value": None}}).items():
                found[status, name] = example["value"]
    return found


def comparable(body: object) -> Any:
    """Without what differs each time."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uuid", json.dumps(body))
    text = re.sub(r'(?<="userCouponId": )\d+', "1", text)
    return json.loads(re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "time", text))


def test_the_service_gives_every_answer_that_is_an_example(shop: Shop, coupon_shop: CouponShop) -> None:
    given: dict[str, set[tuple[str, str]]] = {f"{method} {path}": set() for method, path in OPERATIONS}
    for step in a_story(shop, coupon_shop):
        status, body = send(shop, step)
        method, _, template = step.operation.partition(" ")
        examples = examples_of(method, template)
        assert (status, step.name) in examples, (step, body)
        assert comparable(body) == comparable(examples[status, step.name]), step
        given[step.operation].add((status, step.name))
    for method, template in OPERATIONS:
        documented = set(examples_of(method, template)) - OF_ALL
        assert given[f"{method} {template}"] == documented, template


@pytest.mark.parametrize(("method", "template"), OPERATIONS)
def test_answers_that_all_operations_share_are_examples(shop: Shop, method: str, template: str) -> None:
    url, examples = template.format(**NOWHERE), examples_of(method, template)
    bodies = {
        PRODUCTS: a_product_body(),
        ORDERS: an_order_body(),
        PAYMENTS: a_payment_body(),
        CANCELLATIONS: a_cancellation_body(),
        WEBHOOKS: a_toss_body(NOWHERE["orderId"], "pay-1"),
    }
    away = APPLICATIONS["order"]().test_client()
    body = bodies.get(template) if method == "POST" else None
    answers = {("503", "no database"): away.open(url, method=method, json=body)}
    if method == "POST":
        long = b'{"a": "' + b"x" * MAX_BODY_BYTES + b'"}'
        answers |= {
            ("400", "not JSON"): shop.client.post(url, data=b"{", content_type="application/json"),
            ("413", "too long"): shop.client.post(url, data=long, content_type="application/json"),
            ("415", "of another type"): shop.client.post(url, data=b"{}", content_type="text/plain"),
        }
    for (status, name), reply in answers.items():
        assert str(reply.status_code) == status
        expected = examples[status, name] | {"instance": url}
        assert comparable(reply.get_json()) == comparable(expected)
