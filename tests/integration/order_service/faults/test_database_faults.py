"""A database that answers and can't store anything: clients come again, and nothing lingers."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from structlog.typing import EventDict
from werkzeug.test import TestResponse

from devstack.postgresql import PostgresqlServer
from order_service.config import WorkerSettings
from order_service.worker import run
from servicekit.lifecycle import StopSignal
from tests.integration.order_service.shop import Shop, slug
from tests.support.database_faults import no_space_for, read_only
from tests.support.waiting import wait_until

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


@contextmanager
def a_running_worker(database_url: str) -> Iterator[None]:
    settings = WorkerSettings.model_validate(
        {"database_url": database_url, "admin_port": 0, "payment_gateway": "in-process"}
    )
    stop = StopSignal()
    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(run, settings, stop)
        try:
            yield
        finally:
            stop.set()
        worker.result(20)


def oldest_unsettled_seconds() -> float:
    return REGISTRY.get_sample_value("order_oldest_unsettled_payment_seconds") or 0.0


def test_worker_shows_what_waits_while_it_can_not_be_settled(shop: Shop, order_database_url: str) -> None:
    assert shop.pay(shop.placed(), "silent-1").status_code == 504
    shop.time_passes(timedelta(minutes=11))
    with read_only(order_database_url), a_running_worker(order_database_url):
        wait_until(lambda: oldest_unsettled_seconds() > 600, "the age that an alert asks for")
        assert shop.payment_statuses() == ["UNKNOWN"]


def test_age_of_the_oldest_payment_grows_while_nothing_answers(shop: Shop, order_database_url: str) -> None:
    assert shop.pay(shop.placed(), "silent-1").status_code == 504
    with read_only(order_database_url), a_running_worker(order_database_url):
        wait_until(lambda: oldest_unsettled_seconds() > 0, "an age")
    before = oldest_unsettled_seconds()
    wait_until(lambda: oldest_unsettled_seconds() > before, "a greater age")
