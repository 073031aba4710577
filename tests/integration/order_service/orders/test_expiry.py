"""Orders that nobody pays expire, and what is charged for them all the same is to be returned."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text
from structlog.typing import EventDict

from order_service.application.expire_orders import BATCH_SIZE, ExpireOrders
from order_service.application.settle_unsettled_payments import LookUps
from order_service.persistence.unit_of_work import OrderUnitOfWork
from tests.integration.order_service import former_release
from tests.integration.order_service.ledger_gateway import CallerDied
from tests.integration.order_service.operations.test_beside_the_former_release import refused
from tests.integration.order_service.operations.test_process import a_process, stopped
from tests.integration.order_service.postponed import a_report
from tests.integration.order_service.settling.test_settling import a_worker
from tests.integration.order_service.shop import A_SECOND, IN_PROGRESS_LIMIT, Shop, an_order_of, slug
from tests.support.waiting import wait_until

LIMIT = timedelta(minutes=30)
DEADLINE_SECONDS = 30


@pytest.fixture
def expire(shop: Shop) -> ExpireOrders:
    return ExpireOrders(partial(OrderUnitOfWork, shop.engine), LIMIT, a_report())


def orders_grow_older(shop: Shop, by: timedelta = LIMIT) -> None:
    shop.execute(f"UPDATE orders SET created_at = created_at - interval '{by.total_seconds()} seconds'")  # noqa: S608


def statuses(shop: Shop, *orders: str) -> list[str]:
    return [shop.order(order_id)["status"] for order_id in orders]


def test_an_order_that_nobody_pays_expires(shop: Shop, expire: ExpireOrders, logs: list[EventDict]) -> None:
    order_id = shop.placed()
    orders_grow_older(shop, LIMIT - timedelta(seconds=20))
    assert (expire(), statuses(shop, order_id)) == (0, ["PENDING_PAYMENT"])

    orders_grow_older(shop, timedelta(seconds=20))
    young = shop.placed()
    assert expire() == 1

    assert statuses(shop, order_id, young) == ["EXPIRED", "PENDING_PAYMENT"]
    assert shop.order(order_id)["expiredAt"] > shop.order(order_id)["createdAt"]
    assert [entry["orders"] for entry in logs if entry["event"] == "orders_expired"] == [1]
    assert expire() == 0
    page = shop.client.get("/api/v1/users/7/orders").get_json()
    assert [order["status"] for order in page["orders"]] == ["PENDING_PAYMENT", "EXPIRED"]


def test_an_expired_order_is_not_paid(shop: Shop, expire: ExpireOrders) -> None:
    order_id = shop.placed()
    orders_grow_older(shop)
    expire()
    reply = shop.pay(order_id, key="k-1")
    assert (reply.status_code, slug(reply)) == (409, "order-expired")
    assert (shop.gateway.charged, shop.count("payment"), shop.count("idempotency_key")) == ({}, 0, 0)


def test_a_repeated_order_is_the_one_that_was_placed(shop: Shop, expire: ExpireOrders) -> None:
    first = shop.place(key="k-1")
    orders_grow_older(shop)
    assert expire() == 1
    # Its age apart.
    orders_grow_older(shop, -LIMIT)
    assert shop.place(key="k-1").data == first.data


def test_a_completed_order_never_expires(shop: Shop, expire: ExpireOrders) -> None:
    order_id = shop.placed()
    assert shop.pay(order_id).status_code == 201
    orders_grow_older(shop)
    assert (expire(), statuses(shop, order_id)) == (0, ["COMPLETED"])


@pytest.mark.parametrize("payment_key", ["silent-1", "lost-1", "deposit-1", "fatal-1"])
def test_an_order_with_an_unsettled_payment_waits(shop: Shop, expire: ExpireOrders, payment_key: str) -> None:
    order_id, other = shop.placed(), shop.placed()
    try:
        assert shop.pay(order_id, payment_key).status_code == 504
    except CallerDied:
        assert payment_key.startswith("fatal-")
    orders_grow_older(shop)
    # It stands in the way of no other.
    assert (expire(), statuses(shop, order_id, other)) == (1, ["PENDING_PAYMENT", "EXPIRED"])


@pytest.mark.parametrize("payment_key", ["decline-1", "dollars-1"])
def test_an_order_whose_payment_came_to_nothing_expires(
    shop: Shop, expire: ExpireOrders, payment_key: str
) -> None:
    order_id = shop.placed()
    shop.pay(order_id, payment_key)
    orders_grow_older(shop)
    assert (expire(), statuses(shop, order_id)) == (1, ["EXPIRED"])


def test_a_charge_that_is_known_after_the_expiry_is_refund_due(shop: Shop, expire: ExpireOrders) -> None:
    shop.add_product()
    order_id = shop.placed(an_order_of(("C-1", 1)))
    worker = a_worker(shop.engine, shop.gateway)
    asked, answer = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        asked.set()
        assert answer.wait(DEADLINE_SECONDS)

    # Frozen on its way to the gateway, for longer than others wait for it.
    shop.gateway.before_charging = hold
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(partial(shop.pay, order_id, "pay-1", "k-1", amount=12_000))
        try:
            assert asked.wait(DEADLINE_SECONDS)
            orders_grow_older(shop)
            assert expire() == 0
            shop.time_passes(IN_PROGRESS_LIMIT + A_SECOND)
            assert worker() == LookUps(looked_up=1, settled=1)
            assert (expire(), statuses(shop, order_id)) == (1, ["EXPIRED"])
        finally:
            answer.set()
        reply = slow.result(DEADLINE_SECONDS)

    assert (reply.status_code, slug(reply)) == (409, "payment-refund-due")
    assert (len(shop.gateway.charged), shop.payment_statuses()) == (1, ["REFUND_DUE"])
    assert (statuses(shop, order_id), shop.events()) == (["EXPIRED"], [])
    assert shop.query("SELECT stock FROM product") == [(10,)]


def test_an_approval_never_completes_an_expired_order(shop: Shop) -> None:
    """Should a process have expired it in spite of its payment."""
    order_id = shop.placed()
    assert shop.pay(order_id, "silent-1").status_code == 504
    shop.execute("UPDATE orders SET expired_at = clock_timestamp()")
    shop.time_passes(IN_PROGRESS_LIMIT)
    assert a_worker(shop.engine, shop.gateway)() == LookUps(looked_up=1, settled=1)
    assert (shop.payment_statuses(), statuses(shop, order_id)) == (["REFUND_DUE"], ["EXPIRED"])
    assert shop.events() == []


def test_an_order_being_paid_delays_no_other(shop: Shop, expire: ExpireOrders) -> None:
    held, other = shop.placed(), shop.placed()
    orders_grow_older(shop)
    with shop.engine.begin() as holder:
        holder.execute(text(f"SELECT FROM orders WHERE order_id = '{held}' FOR NO KEY UPDATE"))
        # One that waits for the lock ends with its time-out here.
        assert (expire(), statuses(shop, held, other)) == (1, ["PENDING_PAYMENT", "EXPIRED"])
    assert expire() == 1


def test_orders_expire_in_batches_the_oldest_first(shop: Shop, expire: ExpireOrders) -> None:
    with shop.engine.begin() as connection:
        placed = [_an_old_order(connection, minutes) for minutes in range(31, 31 + BATCH_SIZE + 5)]
    assert expire() == BATCH_SIZE
    left = {
        str(order_id) for (order_id,) in shop.query("SELECT order_id FROM orders WHERE expired_at IS NULL")
    }
    assert left == set(placed[:5])
    with ThreadPoolExecutor(4) as workers:
        assert sum(workers.map(lambda _: expire(), range(4))) == 5


def _an_old_order(connection: Connection, minutes: int) -> str:
    payment_id = former_release.add(connection, None)
    order_id = connection.execute(
        text("DELETE FROM payment WHERE payment_id = :id RETURNING order_id"), {"id": payment_id}
    ).scalar_one()
    age = timedelta(minutes=minutes)
    connection.execute(
        text("UPDATE orders SET created_at = created_at - :age WHERE order_id = :id"),
        {"age": age, "id": order_id},
    )
    return str(order_id)


def test_of_paying_and_expiring_at_once_one_wins(shop: Shop, expire: ExpireOrders) -> None:
    orders = [shop.placed() for _ in range(40)]
    orders_grow_older(shop)
    done = threading.Event()

    def expire_until_done() -> None:
        # Few at a time, so that the payments come in between.
        while not done.is_set():
            with OrderUnitOfWork(shop.engine) as unit_of_work:
                unit_of_work.unpaid_orders.expire(unit_of_work.now() - LIMIT, 1)
                unit_of_work.commit()

    with ThreadPoolExecutor(5) as pool:
        expiring = pool.submit(expire_until_done)
        try:
            replies = dict(zip(orders, pool.map(shop.pay, orders), strict=True))
        finally:
            done.set()
        expiring.result(DEADLINE_SECONDS)
    expire()

    outcomes = Counter(
        (reply.status_code, shop.order(order_id)["status"]) for order_id, reply in replies.items()
    )
    assert outcomes.keys() <= {(201, "COMPLETED"), (409, "EXPIRED")}
    completed = outcomes[201, "COMPLETED"]
    assert (len(shop.gateway.charged), len(shop.events())) == (completed, completed)
    assert shop.payment_statuses() == ["APPROVED"] * completed


def test_a_payment_stored_between_look_and_lock_keeps_its_order(shop: Shop, expire: ExpireOrders) -> None:
    order_id = shop.placed()
    orders_grow_older(shop)

    def store_payment(connection: Connection, _: object, statement: str, *__: object) -> None:
        # As if it had been stored while the statement ran, which found the order unpaid.
        if "SKIP LOCKED" in statement:
            former_release.add_to(connection, order_id)

    event.listen(shop.engine, "after_cursor_execute", store_payment)
    try:
        assert expire() == 0
    finally:
        event.remove(shop.engine, "after_cursor_execute", store_payment)
    assert (shop.payment_statuses(), statuses(shop, order_id)) == (["REQUESTED"], ["PENDING_PAYMENT"])


def test_the_former_release_takes_no_payment_of_an_expired_order(shop: Shop, expire: ExpireOrders) -> None:
    order_id = shop.placed()
    orders_grow_older(shop)
    expire()
    # It sees an order that may be paid.
    assert shop.query("SELECT status FROM orders") == [("PENDING_PAYMENT",)]
    with refused(shop, "payment_is_of_an_unexpired_order") as connection:
        former_release.add_to(connection, order_id)


def test_the_worker_process_expires_orders(shop: Shop, order_database_url: str, tmp_path: Path) -> None:
    order_id = shop.placed()
    orders_grow_older(shop, timedelta(minutes=2))
    variables = {
        "DATABASE_URL": order_database_url,
        "PAYMENT_GATEWAY": "in-process",
        "ORDER_EXPIRY_MINUTES": "2",
    }
    log = tmp_path / "log"
    with a_process("worker", log, **variables) as worker:
        wait_until(lambda: statuses(shop, order_id) == ["EXPIRED"], "the order to expire")
        assert stopped(worker) == 0, log.read_text()
