"""The order service over HTTP, and its database as it really is."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from order_service.api import build_application
from order_service.application.ports import Coupons, PaymentGateway, WebhookParser
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.outbound.turns import Turns
from tests.integration.order_service.ledger_gateway import LedgerGateway

PROBLEM = "application/problem+json"
IN_PROGRESS_LIMIT = timedelta(seconds=60)
BEGINS_WITHIN = timedelta(seconds=30)
A_SECOND = timedelta(seconds=1)
"""After a look-up, until the next one."""


def an_order_body(**changes: Any) -> dict[str, Any]:
    return {
        "userId": 7,
        "currency": "KRW",
        "items": [
            {"productId": "P-1", "quantity": 2, "unitPrice": 15_000},
            {"productId": "P-2", "quantity": 1, "unitPrice": 3_500},
        ],
        "recipient": {"name": "김하늘", "phone": "010-1234-5678"},
        **changes,
    }


TOTAL = 33_500


def a_product_body(product_id: str = "C-1", **changes: Any) -> dict[str, Any]:
    return {
        "productId": product_id,
        "name": "순면 티셔츠",
        "unitPrice": 12_000,
        "currency": "KRW",
        "stock": 10,
        **changes,
    }


def an_order_of(*products: tuple[str, int], **changes: Any) -> dict[str, Any]:
    """An order of so many pieces of each product of the catalogue."""
    items = [{"productId": product_id, "quantity": quantity} for product_id, quantity in products]
    return an_order_body(items=items, **changes)


def a_payment_body(payment_key: str = "pay-1", **changes: Any) -> dict[str, Any]:
    return {"method": "CARD", "paymentKey": payment_key, "amount": TOTAL, **changes}


def a_cancellation_body(*lines: tuple[int, int], **changes: Any) -> dict[str, Any]:
    """Of so many pieces of each line, by its number; without ``lines`` of all that is left."""
    items = [{"lineNumber": number, "quantity": quantity} for number, quantity in lines]
    return {"reason": "단순 변심", **({"items": items} if items else {}), **changes}


@dataclass
class Shop:
    """One service on one database, with a gateway that keeps a ledger."""

    engine: Engine
    gateway: LedgerGateway = field(default_factory=LedgerGateway)
    gateways: PaymentGateway | None = None
    """What is asked in place of ``gateway``, if anything is."""
    webhooks: Mapping[str, WebhookParser] = field(default_factory=dict)
    requires_catalogue: bool = False
    coupons: Coupons | None = None
    gateway_turns: Turns | None = None
    coupon_turns: Turns | None = None

    def __post_init__(self) -> None:
        self.app = build_application(
            self.engine,
            self.gateways or self.gateway,
            IN_PROGRESS_LIMIT,
            BEGINS_WITHIN,
            self.webhooks,
            requires_catalogue=self.requires_catalogue,
            coupons=self.coupons,
            gateway_turns=self.gateway_turns,
            coupon_turns=self.coupon_turns,
        )

    @property
    def client(self) -> FlaskClient:
        """A client of its own for each caller, since they don't share between threads."""
        return self.app.test_client()

    def place(self, body: Mapping[str, Any] | None = None, key: str | None = None) -> TestResponse:
        return self.client.post("/api/v1/orders", json=body or an_order_body(), headers=_headers(key))

    def add_product(self, product_id: str = "C-1", key: str | None = None, **changes: Any) -> TestResponse:
        body = a_product_body(product_id, **changes)
        return self.client.post("/api/v1/products", json=body, headers=_headers(key))

    def placed(self, body: Mapping[str, Any] | None = None) -> str:
        """The id of a new order, of ``TOTAL`` without a body."""
        reply = self.place(body)
        assert reply.status_code == 201, reply.text
        order_id: str = reply.get_json()["orderId"]
        return order_id

    def pay(
        self, order_id: str, payment_key: str | None = None, key: str | None = None, **changes: Any
    ) -> TestResponse:
        """With a payment key of the order's own, unless one is given."""
        return self.client.post(
            f"/api/v1/orders/{order_id}/payments",
            json=a_payment_body(payment_key or f"pay-{order_id}", **changes),
            headers=_headers(key),
        )

    def paid(self, body: Mapping[str, Any] | None = None) -> str:
        """The id of a new order that is completed."""
        order_id = self.placed(body)
        reply = self.pay(order_id, amount=self.order(order_id)["totalAmount"])
        assert reply.status_code == 201, reply.text
        return order_id

    def cancel(
        self, order_id: str, *lines: tuple[int, int], key: str | None = None, reason: str = "단순 변심"
    ) -> TestResponse:
        """So many pieces of each line, by its number; without ``lines`` all that is left."""
        body = a_cancellation_body(*lines, reason=reason)
        return self.client.post(f"/api/v1/orders/{order_id}/cancellations", json=body, headers=_headers(key))

    def time_passes(self, by: timedelta) -> None:
        """As if all payments had been requested, and looked up, so much earlier."""
        earlier = f"- interval '{by.total_seconds()} seconds'"
        self.execute(
            f"UPDATE payment SET requested_at = requested_at {earlier},"  # noqa: S608
            f" next_lookup_at = next_lookup_at {earlier}, looked_up_at = looked_up_at {earlier}"
        )
        self.execute(f"UPDATE idempotency_key SET created_at = created_at {earlier}")  # noqa: S608

    def order(self, order_id: str) -> dict[str, Any]:
        reply = self.client.get(f"/api/v1/orders/{order_id}")
        assert reply.status_code == 200, reply.text
        body: dict[str, Any] = reply.get_json()
        return body

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def execute(self, sql: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(sql))

    def events(self) -> list[dict[str, Any]]:
        return [payload for (payload,) in self.query("SELECT payload FROM outbox ORDER BY position")]

    def payment_statuses(self) -> list[str]:
        return [status for (status,) in self.query("SELECT status FROM payment ORDER BY payment_id")]

    def count(self, table: str) -> int:
        [(count,)] = self.query(f"SELECT count(*) FROM {table}")  # noqa: S608 - our own table names
        return int(count)


@contextmanager
def open_shop(database_url: str) -> Iterator[Shop]:
    """A service on a migrated database."""
    engine = create_engine(DatabaseSettings(database_url=database_url), "order-service-tests")
    try:
        yield Shop(engine)
    finally:
        engine.dispose()


def slug(reply: TestResponse) -> str:
    """The last part of a problem's type."""
    assert reply.content_type == PROBLEM, reply.text
    return str(reply.get_json()["type"]).removeprefix("urn:problem:")


def _headers(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Idempotency-Key": key}
