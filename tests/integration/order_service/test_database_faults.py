"""A database that answers and can't store anything: clients come again, and nothing lingers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest
from structlog.typing import EventDict
from werkzeug.test import TestResponse

from devstack.postgresql import PostgresqlServer
from tests.integration.order_service.shop import Shop, slug
from tests.support.database_faults import no_space_for, read_only

CUSTOMERS = 8
LONGEST_LOG_LINE = 300


def place_together(shop: Shop, orders: int) -> list[TestResponse]:
    with ThreadPoolExecutor(CUSTOMERS) as customers:
        return list(customers.map(lambda number: shop.place(key=f"k-{number}"), range(orders)))


@pytest.fixture(params=["read-only", "disk full"])
def fault(
    request: pytest.FixtureRequest, postgresql_server: PostgresqlServer, order_database_url: str
) -> Callable[[], AbstractContextManager[None]]:
    if request.param == "read-only":
        return lambda: read_only(order_database_url)
    return lambda: no_space_for(postgresql_server, order_database_url, "orders")


def test_orders_are_refused_for_a_while_and_accepted_at_once_after_it(
    shop: Shop, fault: Callable[[], AbstractContextManager[None]], logs: list[EventDict]
) -> None:
    # The pool is full of sessions before it, and again during it.
    with ThreadPoolExecutor(CUSTOMERS) as customers:
        list(customers.map(lambda _: shop.client.get("/readyz"), range(40)))
    with fault():
        refused = place_together(shop, 100)
        unknown = shop.client.get("/api/v1/orders/01900000-0000-7000-8000-000000000000")
    accepted = place_together(shop, 100)

    assert {(reply.status_code, slug(reply)) for reply in refused} == {(503, "database-unavailable")}
    waits = {int(reply.headers["Retry-After"]) for reply in refused}
    assert len(waits) > 1
    assert min(waits) > 0
    assert unknown.status_code == 404, "reading goes on"
    assert {reply.status_code for reply in accepted} == {201}
    assert shop.count("orders") == 100
    lines = [str(entry) for entry in logs if entry["event"] == "database_unavailable"]
    assert len(lines) == 100
    assert max(map(len, lines)) < LONGEST_LOG_LINE
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


def test_readiness_says_that_the_database_is_read_only(shop: Shop, order_database_url: str) -> None:
    assert shop.client.get("/readyz").status_code == 200
    with read_only(order_database_url):
        unready = shop.client.get("/readyz")
    ready = shop.client.get("/readyz")

    assert unready.status_code == 503
    assert "read-only" in unready.get_json()["checks"]["database"]["reason"]
    assert ready.status_code == 200
