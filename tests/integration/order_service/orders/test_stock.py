"""Stock is taken by the transaction that completes an order, never below 0."""

import itertools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

from order_service.application.settle_unsettled_payments import LookUps
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.identifiers import uuid7
from tests.integration.order_service.ledger_gateway import CallerDied
from tests.integration.order_service.operations.test_beside_the_former_release import refused
from tests.integration.order_service.settling.test_settling import a_worker
from tests.integration.order_service.shop import IN_PROGRESS_LIMIT, Shop, an_order_of, slug

STOCK, PRICE = 10, 12_000
DEADLINE_SECONDS = 30


def stock(shop: Shop) -> dict[str, int | None]:
    return dict(shop.query("SELECT product_id, stock FROM product ORDER BY 1"))


def pay(shop: Shop, order_id: str, payment_key: str | None = None, key: str | None = None) -> tuple[int, str]:
    """Its status, and the problem's slug."""
    amount = shop.order(order_id)["totalAmount"]
    reply = shop.pay(order_id, payment_key, key, amount=amount)
    return reply.status_code, "" if reply.status_code == 201 else slug(reply)


def test_a_completed_order_takes_its_stock(shop: Shop) -> None:
    shop.add_product("C-1")
    shop.add_product("C-2", stock=None)
    # One product may stand in two lines.
    order_id = shop.placed(an_order_of(("C-1", 3), ("C-2", 1_000_000), ("C-1", 7)))
    assert stock(shop) == {"C-1": STOCK, "C-2": None}
    assert pay(shop, order_id) == (201, "")
    assert stock(shop) == {"C-1": 0, "C-2": None}
    assert shop.client.get("/api/v1/products/C-1").get_json()["stock"] == 0


def test_a_declined_payment_takes_no_stock(shop: Shop) -> None:
    shop.add_product()
    assert pay(shop, shop.placed(an_order_of(("C-1", 1))), "decline-1") == (402, "payment-declined")
    assert stock(shop) == {"C-1": STOCK}


def test_products_outside_of_the_catalogue_take_no_stock(shop: Shop) -> None:
    order_id = shop.placed()
    shop.add_product("P-1", stock=1)
    assert pay(shop, order_id) == (201, "")
    assert stock(shop) == {"P-1": 1}


def test_what_is_sold_out_is_not_charged_until_there_is_stock(shop: Shop) -> None:
    shop.add_product("C-1", stock=1)
    shop.add_product("C-2", stock=1)
    order_id = shop.placed(an_order_of(("C-1", 1), ("C-2", 2)))
    assert pay(shop, order_id, key="k-1") == (409, "product-sold-out")
    assert (shop.gateway.charged, shop.count("payment")) == ({}, 0)

    shop.execute("UPDATE product SET stock = stock + 1 WHERE product_id = 'C-2'")
    assert pay(shop, order_id, key="k-1") == (201, "")
    assert stock(shop) == {"C-1": 0, "C-2": 0}


def test_a_paid_order_whose_stock_is_gone_is_refund_due_and_payable_again(shop: Shop) -> None:
    shop.add_product("C-1", stock=1)
    shop.add_product("C-2")
    order_id, other = (shop.placed(an_order_of(("C-2", 1), ("C-1", 1))) for _ in range(2))

    def sell_to_the_other(_: object) -> None:
        shop.gateway.before_charging = lambda request: None
        assert pay(shop, other) == (201, "")

    shop.gateway.before_charging = sell_to_the_other
    assert pay(shop, order_id, "pay-1", "k-1") == (409, "payment-refund-due")
    assert shop.order(order_id)["status"] == "PENDING_PAYMENT"
    # Nor anything of what there is.
    assert stock(shop) == {"C-1": 0, "C-2": STOCK - 1}
    assert [event["orderId"] for event in shop.events()] == [other]
    assert pay(shop, order_id, "pay-1", "k-1") == (409, "payment-refund-due")

    shop.execute("UPDATE product SET stock = 1 WHERE product_id = 'C-1'")
    assert pay(shop, order_id, "pay-2", "k-2") == (201, "")
    assert shop.order(order_id)["status"] == "COMPLETED"
    assert sorted(shop.payment_statuses()) == ["APPROVED", "APPROVED", "REFUND_DUE"]
    assert stock(shop) == {"C-1": 0, "C-2": STOCK - 2}


def test_a_repeated_attempt_is_not_sent_once_the_stock_is_gone(shop: Shop) -> None:
    shop.add_product(stock=1)
    order_id, other = (shop.placed(an_order_of(("C-1", 1))) for _ in range(2))
    assert pay(shop, order_id, "lost-1", "k-1") == (504, "payment-outcome-unknown")
    assert pay(shop, other) == (201, "")
    shop.gateway.lost = ("nothing-",)
    shop.time_passes(IN_PROGRESS_LIMIT)

    assert pay(shop, order_id, "lost-1", "k-1") == (409, "product-sold-out")
    assert [request.order_id for request in shop.gateway.charged.values()] == [UUID(other)]


@pytest.mark.parametrize("left", [1, 0])
def test_an_order_that_a_look_up_completes_takes_its_stock(shop: Shop, left: int) -> None:
    shop.add_product(stock=1)
    order_id = shop.placed(an_order_of(("C-1", 1)))
    with pytest.raises(CallerDied):
        pay(shop, order_id, "fatal-1")
    shop.execute(f"UPDATE product SET stock = {left}")  # noqa: S608 - ours
    shop.time_passes(IN_PROGRESS_LIMIT)

    assert a_worker(shop.engine, shop.gateway)() == LookUps(looked_up=1, settled=1)

    status, payment = ("COMPLETED", "APPROVED") if left else ("PENDING_PAYMENT", "REFUND_DUE")
    assert (shop.order(order_id)["status"], shop.payment_statuses()) == (status, [payment])
    assert (stock(shop), len(shop.events())) == ({"C-1": 0}, left)


def test_of_orders_paid_at_once_as_many_are_completed_as_there_is_stock(shop: Shop) -> None:
    shop.add_product("C-1", stock=STOCK)
    shop.add_product("C-2", stock=1_000)
    lines = [("C-1", 1), ("C-2", 1)]
    # In both orders, which must not make two of them wait for each other.
    orders = [shop.placed(an_order_of(*lines[:: (-1) ** number])) for number in range(24)]
    charges, together = itertools.count(), threading.Barrier(8, timeout=DEADLINE_SECONDS)

    def charge_together(_: object) -> None:
        # Two rounds, more than the stock. Who comes later may find it gone.
        if next(charges) < 16:
            together.wait()

    shop.gateway.before_charging = charge_together

    with ThreadPoolExecutor(8) as buyers:
        replies = Counter(buyers.map(partial(pay, shop), orders))

    # On a slow machine some wait too long for a product that others hold; the worker settles what they left.
    busy = replies.pop((503, "database-busy"), 0)
    assert STOCK - busy <= replies[201, ""] <= STOCK
    assert replies.keys() <= {(201, ""), (409, "payment-refund-due"), (409, "product-sold-out")}
    shop.time_passes(IN_PROGRESS_LIMIT)
    while a_worker(shop.engine, shop.gateway)().looked_up:
        pass
    assert stock(shop) == {"C-1": 0, "C-2": 1_000 - STOCK}
    statuses = Counter(shop.order(order_id)["status"] for order_id in orders)
    assert statuses == {"COMPLETED": STOCK, "PENDING_PAYMENT": len(orders) - STOCK}
    assert len(shop.events()) == STOCK
    # Each that was charged in vain is to be returned.
    assert shop.payment_statuses().count("REFUND_DUE") == len(shop.gateway.charged) - STOCK


def test_orders_of_the_same_products_never_wait_for_each_other(shop: Shop) -> None:
    names = [f"C-{number}" for number in range(8)]
    for name in names:
        shop.add_product(name, stock=1_000)

    def take(seed: int) -> None:
        turned = (names[seed % 8 :] + names[: seed % 8])[:: (-1) ** seed]
        with OrderUnitOfWork(shop.engine) as unit_of_work:
            assert unit_of_work.products.take(dict.fromkeys(turned, 1)) == []
            unit_of_work.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, range(100)))
    assert stock(shop) == dict.fromkeys(names, 900)


def test_the_former_release_completes_no_order_without_its_stock(shop: Shop) -> None:
    shop.add_product()
    order_id = shop.placed(an_order_of(("C-1", 1)))
    assert pay(shop, order_id, "silent-1") == (504, "payment-outcome-unknown")

    complete = text(
        "UPDATE orders SET status = 'COMPLETED', completed_at = clock_timestamp() WHERE order_id = :order_id"
    )
    with refused(shop, "order_takes_its_stock") as connection:
        connection.execute(complete, {"order_id": order_id})

    shop.time_passes(IN_PROGRESS_LIMIT)
    a_worker(shop.engine, shop.gateway)()
    assert (shop.order(order_id)["status"], stock(shop)) == ("COMPLETED", {"C-1": STOCK - 1})


def test_the_former_release_completes_what_needs_no_stock(shop: Shop) -> None:
    shop.add_product(stock=None)
    for body in (None, an_order_of(("C-1", 1))):
        order_id = shop.placed(body)
        shop.execute(
            "UPDATE orders SET status = 'COMPLETED', completed_at = clock_timestamp()"  # noqa: S608 - ours
            f" WHERE order_id = '{order_id}'"
        )
    assert shop.query("SELECT DISTINCT status, stock_taken_at FROM orders") == [("COMPLETED", None)]


def test_a_product_that_there_is_not_lacks_nothing(shop: Shop) -> None:
    with OrderUnitOfWork(shop.engine) as unit_of_work:
        assert unit_of_work.products.take({str(uuid7()): 1}) == []
