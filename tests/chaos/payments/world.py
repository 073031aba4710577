"""What surrounds a run: databases and gateways with one clock, which is set, and coupon-service."""

from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import httpx

from provider_sandbox.config import GatewaySettings
from provider_sandbox.gateways.main import serving
from tests.chaos.payments.coupon_process import PASSED
from tests.chaos.payments.database import PATIENCE_SECONDS, Database, Row
from tests.chaos.payments.forked import Say
from tests.support.gateway_sandbox import GatewaySandbox
from tests.support.waiting import wait_until

PRODUCT_ID, PIECES, STOCK = "P-1", 2, 10
USER_ID, USER_COUPON_ID, DISCOUNT = 7, 1, 5_000
ANOTHER_ORDER_ID = "019a1b3c-5a10-7b2d-8e4c-1a2b3c4d5e6f"
# Without triggers, which hold to sums, and keep what may not be deleted.
_CLEAR = """
SET session_replication_role = replica;
DELETE FROM outbox; DELETE FROM idempotency_key; DELETE FROM payment_hint;
DELETE FROM cancellation_item; DELETE FROM cancellation; DELETE FROM refund;
DELETE FROM payment; DELETE FROM order_item; DELETE FROM orders; DELETE FROM coupon_release;
DELETE FROM product; DELETE FROM ledger_posting; DELETE FROM ledger_entry;
INSERT INTO product (product_id, name, unit_price, currency, stock, created_at)
VALUES (%s, '사과', 15000, 'KRW', %s, now());
UPDATE clock SET ahead = '0';
SET session_replication_role = DEFAULT
"""
_CLEAR_COUPONS = """
SET session_replication_role = replica;
DELETE FROM inbox; DELETE FROM order_difference; DELETE FROM coupon_order;
DELETE FROM user_coupon_change; DELETE FROM user_coupon; DELETE FROM coupon_request; DELETE FROM coupon;
INSERT INTO coupon (coupon_id, name, total_quantity, issued_quantity, decided_count, starts_at, ends_at,
    discount_type, discount_value, minimum_order_amount, limit_per_user, created_at)
OVERRIDING SYSTEM VALUE VALUES (1, '쿠폰', 1, 1, 1, '2020-01-01', '2100-01-01', 'AMOUNT', %s, 0, 1, now());
INSERT INTO coupon_request
    (request_id, coupon_id, user_id, status, decision_number, issue_number, requested_at, decided_at)
VALUES (gen_random_uuid(), 1, %s, 'ISSUED', 1, 1, now(), now());
INSERT INTO user_coupon (user_coupon_id, coupon_id, user_id, request_id, issue_number, issued_at, copy_number,
    status, change_count)
OVERRIDING SYSTEM VALUE SELECT %s, 1, user_id, request_id, 1, now(), 1, 'ISSUED', 0 FROM coupon_request;
UPDATE clock SET ahead = '0';
SET session_replication_role = DEFAULT
"""
_EVENTS = """
SELECT id::text, topic, aggregateid, payload::text FROM outbox
WHERE topic IN ('order-completed', 'order-cancelled') ORDER BY topic, created_at, id
"""


class World:
    """Made anew in each process: nothing is shared."""

    def __init__(
        self, database_url: str, coupon_database_url: str, sandbox_url: str, coupons_url: str
    ) -> None:
        self.urls = (database_url, coupon_database_url, sandbox_url, coupons_url)
        self.orders, self.coupons = Database(database_url), Database(coupon_database_url)
        self.sandbox = GatewaySandbox(sandbox_url, _http(sandbox_url))
        self._coupon_service = _http(coupons_url)
        self._delivered = set[str]()

    @property
    def coupons_url(self) -> str:
        return self.urls[3]

    def begin_anew(self, gateway: str, controls: Mapping[str, Any]) -> None:
        """Nothing is left of earlier runs."""
        self.wait_for_the_dead()
        self.query(_CLEAR, PRODUCT_ID, STOCK)
        self.coupons.query(_CLEAR_COUPONS, DISCOUNT, USER_ID, USER_COUPON_ID)
        self.sandbox.reset()
        self.sandbox.control(**{gateway: dict(controls)})

    def wait_for_the_dead(self) -> None:
        self.orders.wait_for_the_dead()
        self.coupons.wait_for_the_dead()

    def pass_time(self, seconds: float) -> None:
        """Put all clocks ahead. By then the gateway has done what it was asked for by clients that left."""
        controls = self.sandbox.http.get("/controls").raise_for_status().json()
        # Ends pauses; the counts that are left stay.
        self.sandbox.control(toss=controls["toss"], portone=controls["portone"])
        wait_until(self._gateway_is_idle, "the gateway to be idle", PATIENCE_SECONDS)
        self.coupons.put_ahead(seconds)
        self.sandbox.control(clock={"aheadMs": self.orders.put_ahead(seconds) * 1000})

    def sell_out(self) -> None:
        """To others, what wasn't taken for the order: too little for it is left."""
        self.query("UPDATE product SET stock = %s WHERE stock = %s", PIECES - 1, STOCK)

    def deliver(self) -> bool:
        """The events to coupon-service, at least once, a topic after the other. Whether all have arrived."""
        for event in self.query(_EVENTS):
            if event["id"] in self._delivered:
                continue
            try:
                reply = self._coupon_service.post(
                    f"/topics/{event['topic']}",
                    params={"key": event["aggregateid"]},
                    content=event["payload"],
                    headers={"Content-Type": "application/json"},
                )
            except httpx.TransportError:
                return False
            reply.raise_for_status()
            self._delivered.add(event["id"])
        return True

    def let_another_order_use_the_coupon(self) -> None:
        """If it can."""
        path, body = f"/api/v1/user-coupons/{USER_COUPON_ID}", {"orderId": ANOTHER_ORDER_ID}
        reserve = {**body, "userId": USER_ID, "orderAmount": 50_000, "holdSeconds": 3600}
        # By a client of its own, that repeats what isn't answered.
        for _ in range(2):
            with suppress(httpx.TransportError):
                if self._coupon_service.post(f"{path}/reserve", json=reserve).is_success:
                    self._coupon_service.post(f"{path}/confirm", json=body)
                return

    def passed_by_coupon_service(self) -> list[str]:
        """Boundaries, if it has not died since."""
        passed: list[str] = self._coupon_service.get(PASSED).raise_for_status().json()
        return passed

    def query(self, statement: str, *values: object) -> list[Row]:
        return self.orders.query(statement, *values)

    def disconnect(self) -> None:
        """Until the next query; before this process is forked."""
        self.orders.disconnect()
        self.coupons.disconnect()

    def _gateway_is_idle(self) -> bool:
        requests = self.sandbox.http.get("/records/requests").raise_for_status().json()["requests"]
        return not any(each["status"] is None and "time-out" in str(each["fault"]) for each in requests)


def _http(url: str) -> httpx.Client:
    # Without TLS, whose certificates take long to load.
    return httpx.Client(base_url=url, timeout=PATIENCE_SECONDS, trust_env=False, verify=False)  # noqa: S501


def serve_gateways(path: Path, say: Say) -> None:
    """As long as the process lives that this one was forked from. Says their URL."""
    parent = parent_process()
    with serving(GatewaySettings(http_port=0, sandbox_database_path=path)) as port:
        say(f"http://127.0.0.1:{port}")
        if parent is not None:
            parent.join()
