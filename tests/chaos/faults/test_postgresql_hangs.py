"""PostgreSQL keeps its connections and answers nothing: a stalled disk, a frozen host."""

from contextlib import suppress

import httpx
import pytest

from tests.chaos.faults.conftest import Seen, fail_until_alerted
from tests.support.controlled_stack import ControlledStack
from tests.support.operated_stack import OperatedStack
from tests.support.prometheus import Prometheus
from tests.support.shop import ORDER, ShopClient
from tests.support.waiting import wait_until

APIS = ("coupon-api", "order-api", "notification-api")
STOP_SECONDS = 10


def is_alive(shop: ShopClient, name: str) -> bool:
    try:
        return httpx.get(f"{shop.url(name)}/healthz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.containers
def test_apis_stay_alive_refuse_quickly_and_recover(
    stack: ControlledStack | OperatedStack, shop: ShopClient, prometheus: Prometheus | None, seen: Seen
) -> None:
    """PostgreSQL freezes and thaws."""
    seen.alerts = {"ServerErrors"}
    seen.too_brief = {"SlowRequests", "RelayFailing", "OutboxWithoutLeader"}
    stack.pause("postgresql")
    try:
        wait_until(
            lambda: shop.post("order-api", "/api/v1/orders", ORDER).status_code == 503,
            "an order to be refused",
            60,
        )
        refused = shop.post("order-api", "/api/v1/orders", ORDER)
        fail_until_alerted(prometheus, lambda: shop.post("order-api", "/api/v1/orders", ORDER))
        alive = {name: is_alive(shop, name) for name in APIS}
    finally:
        stack.resume("postgresql")
    seen.operators.append(f"alive: {alive}")
    seen.clients.append(f"{refused.status_code} after {refused.elapsed.total_seconds():.1f} s")
    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    assert all(alive.values())
    wait_until(shop.place_order, "an order to be accepted again", 60)


@pytest.mark.containers
@pytest.mark.parametrize(
    "process",
    [
        pytest.param("coupon-worker", marks=pytest.mark.long),
        pytest.param("notification-consumer-1", marks=pytest.mark.long),
        "order-api",
        "outbox-relay",
    ],
)
def test_process_ends_when_asked_though_its_database_hangs(
    stack: ControlledStack | OperatedStack, shop: ShopClient, seen: Seen, process: str
) -> None:
    """PostgreSQL freezes, and a process is asked to stop."""
    seen.too_brief = {
        "ProcessUnreachable",
        "ServerErrors",
        "SlowRequests",
        "RelayFailing",
        "OutboxWithoutLeader",
    }
    coupon_id = wait_until(shop.create_coupon, "the coupon database to be asked again")
    order_id = wait_until(shop.place_order, "the order database to be asked again")
    stack.pause("postgresql")
    try:
        for path in (f"/api/v1/coupons/{coupon_id}", f"/api/v1/orders/{order_id}"):
            name = "coupon-api" if "coupons" in path else "order-api"
            # It waits for the database, or is refused while the breaker is open.
            with suppress(httpx.TimeoutException):
                assert httpx.get(shop.url(name) + path, timeout=0.5).status_code == 503
        status = stack.stop(process, timeout_seconds=STOP_SECONDS)
    finally:
        stack.resume("postgresql")
    seen.fault = f"PostgreSQL freezes, and {process} is asked to stop"
    seen.operators.append(f"exit status {status}")
    assert status == 0
