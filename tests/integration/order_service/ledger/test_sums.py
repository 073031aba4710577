"""What doesn't add up is refused by the database, whatever writes it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from servicekit.db.errors import Verdict, constraint_name, verdict
from servicekit.identifiers import uuid7
from tests.integration.order_service.shop import TOTAL, Shop
from tests.support.waiting import wait_until

ORDER = "order_total_is_sum_of_items"
PAYMENT = "payment_pays_its_order"
REFUND = "refunds_within_payment"
MAX_BIGINT = 2**63 - 1
DEADLINE_SECONDS = 30

_ORDER = text("""
INSERT INTO orders (order_id, user_id, currency, total_amount, user_coupon_id, discount_amount,
                    recipient_name, recipient_phone, status, created_at)
VALUES (:order_id, 7, 'KRW', :total, :coupon, :discount, '김하늘', '010-1234-5678', 'PENDING_PAYMENT',
        clock_timestamp())
""")
_ITEM = text("""
INSERT INTO order_item (order_id, line_number, product_id, quantity, unit_price)
VALUES (:order_id, :line, 'P-1', :quantity, :unit_price)
""")
_PAYMENT = text("""
INSERT INTO payment (payment_id, order_id, method, gateway, payment_key, amount, currency, status, attempt,
                     requested_at, approved_at)
VALUES (:payment_id, :order_id, 'CARD', 'in-process', :payment_key, :amount, :currency, :status, 1,
        clock_timestamp(), CASE WHEN :status = 'REFUND_DUE' THEN clock_timestamp() END)
""")
_REFUND = text("""
INSERT INTO refund (refund_id, payment_id, amount, refundable_amount, currency, reason, attempt,
                    idempotency_key, status, requested_at, may_be_sent, next_at)
VALUES (:refund_id, :payment_id, :amount, :amount, :currency, '', 1, :refund_id || '-1', 'DUE',
        clock_timestamp(), true, clock_timestamp())
""")

Items = Sequence[tuple[int, int]]
"""Quantity and price of each."""


def insert_order(connection: Connection, total: int, items: Items, discount: int | None = None) -> UUID:
    order_id = uuid7()
    coupon = None if discount is None else 7
    order = {"order_id": order_id, "total": total, "coupon": coupon, "discount": discount}
    connection.execute(_ORDER, order)
    for line, (quantity, unit_price) in enumerate(items, start=1):
        item = {"order_id": order_id, "line": line, "quantity": quantity, "unit_price": unit_price}
        connection.execute(_ITEM, item)
    return order_id


def insert_payment(connection: Connection, order_id: object, **changes: Any) -> UUID:
    payment_id = uuid7()
    payment = {
        "payment_id": payment_id, "order_id": order_id, "payment_key": f"pay-{payment_id}", "amount": TOTAL,
        "currency": "KRW", "status": "REFUND_DUE",
    }  # fmt: skip
    connection.execute(_PAYMENT, {**payment, **changes})
    return payment_id


def insert_refund(connection: Connection, payment_id: object, amount: int, currency: str = "KRW") -> None:
    refund = {"refund_id": str(uuid7()), "payment_id": payment_id, "amount": amount, "currency": currency}
    connection.execute(_REFUND, refund)


@contextmanager
def refused(shop: Shop, constraint: str) -> Iterator[Connection]:
    """What is done in it is refused, at the commit at the latest, as a bug of its writer."""
    with pytest.raises(DBAPIError) as error, shop.engine.begin() as connection:
        yield connection
    assert constraint_name(error.value) == constraint
    assert verdict(error.value) is Verdict.BUG


@pytest.fixture
def payment_id(shop: Shop) -> UUID:
    """A payment of TOTAL that has to be returned."""
    order_id = shop.placed()
    with shop.engine.begin() as connection:
        return insert_payment(connection, order_id)


CHANGES_OF_AN_ORDER = {
    "a discount": "UPDATE orders SET user_coupon_id = 7, discount_amount = 1",
    "another total": "UPDATE orders SET total_amount = total_amount + 1",
    "one more item": """
        INSERT INTO order_item (order_id, line_number, product_id, quantity, unit_price)
        SELECT order_id, 9, 'P-9', 1, 1 FROM orders LIMIT 1""",
    "an item less": "DELETE FROM order_item WHERE line_number = 2",
    "another quantity": "UPDATE order_item SET quantity = quantity + 1 WHERE line_number = 2",
    "another price": "UPDATE order_item SET unit_price = 1 WHERE line_number = 2",
    "more than any number": f"UPDATE order_item SET unit_price = {MAX_BIGINT}",  # noqa: S608 - ours
    "another order's item": """
        UPDATE order_item SET line_number = 9, order_id = (SELECT max(order_id::text)::uuid FROM orders)
         WHERE line_number = 2 AND order_id = (SELECT min(order_id::text)::uuid FROM orders)""",
}


@pytest.mark.parametrize("change", CHANGES_OF_AN_ORDER.values(), ids=CHANGES_OF_AN_ORDER.keys())
def test_an_order_whose_items_do_not_add_up_is_refused(shop: Shop, change: str) -> None:
    shop.placed()
    shop.placed()
    with refused(shop, ORDER) as connection:
        connection.execute(text(change))


@pytest.mark.parametrize("items", [[], [(1, 99)], [(1, 60), (1, 50)], [(1, MAX_BIGINT), (2, MAX_BIGINT)]])
def test_a_new_order_whose_items_do_not_add_up_is_refused(shop: Shop, items: Items) -> None:
    with refused(shop, ORDER) as connection:
        insert_order(connection, 100, items)


def test_an_order_that_was_summed_already_is_summed_again(shop: Shop) -> None:
    with refused(shop, ORDER) as connection:
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        order_id = insert_order(connection, 0, [])
        connection.execute(text("SET CONSTRAINTS ALL DEFERRED"))
        connection.execute(_ITEM, {"order_id": order_id, "line": 1, "quantity": 1, "unit_price": 1})


def test_another_order_of_the_transaction_hides_nothing(shop: Shop) -> None:
    with refused(shop, ORDER) as connection:
        insert_order(connection, 100, [(1, 99)])
        insert_order(connection, 100, [(1, 100)])


def test_an_order_may_be_corrected_as_a_whole(shop: Shop) -> None:
    shop.placed()
    with shop.engine.begin() as connection:
        connection.execute(text("UPDATE order_item SET unit_price = unit_price + 1 WHERE line_number = 2"))
        connection.execute(text("UPDATE orders SET total_amount = total_amount + 1"))
    with shop.engine.begin() as connection:
        connection.execute(
            text("UPDATE orders SET user_coupon_id = 7, discount_amount = 5, total_amount = total_amount - 5")
        )
    with shop.engine.begin() as connection:
        connection.execute(text("DELETE FROM order_item"))
        connection.execute(text("DELETE FROM orders"))


@pytest.mark.parametrize("changes", [{"amount": TOTAL - 1}, {"amount": TOTAL + 1}, {"currency": "USD"}])
def test_a_payment_of_another_amount_than_its_order_is_refused(shop: Shop, changes: dict[str, Any]) -> None:
    order_id = shop.placed()
    with refused(shop, PAYMENT) as connection:
        insert_payment(connection, order_id, **changes)


CHANGES_OF_A_PAID_ORDER = {
    "another amount": "UPDATE payment SET amount = 1",
    "another currency": "UPDATE payment SET currency = 'USD'",
    "another total": """
        UPDATE order_item SET unit_price = unit_price + 1 WHERE line_number = 2;
        UPDATE orders SET total_amount = total_amount + 1""",
    "another currency of the order": "UPDATE orders SET currency = 'USD'",
}


@pytest.mark.parametrize("change", CHANGES_OF_A_PAID_ORDER.values(), ids=CHANGES_OF_A_PAID_ORDER.keys())
def test_payment_and_order_stay_equal(shop: Shop, payment_id: UUID, change: str) -> None:
    with refused(shop, PAYMENT) as connection:
        connection.execute(text(change))


def test_an_order_has_one_live_payment(shop: Shop) -> None:
    order_id = shop.placed()
    with refused(shop, "payment_live_order_key") as connection:
        for status in ("REQUESTED", "UNKNOWN"):
            insert_payment(connection, order_id, status=status)


def test_a_payment_key_has_one_live_payment(shop: Shop) -> None:
    order_ids = [shop.placed(), shop.placed()]
    with refused(shop, "payment_live_payment_key") as connection:
        for order_id in order_ids:
            insert_payment(connection, order_id, status="REQUESTED", payment_key="pay-1")


def test_refunds_of_more_than_was_taken_are_refused(shop: Shop, payment_id: UUID) -> None:
    with refused(shop, REFUND) as connection:
        insert_refund(connection, payment_id, TOTAL + 1)
    with refused(shop, REFUND) as connection:
        insert_refund(connection, payment_id, TOTAL)
        insert_refund(connection, payment_id, 1)
    with shop.engine.begin() as connection:
        insert_refund(connection, payment_id, TOTAL - 1)
    with refused(shop, REFUND) as connection:
        insert_refund(connection, payment_id, 2)
    with refused(shop, REFUND) as connection:
        connection.execute(text("UPDATE refund SET amount = amount + 2, refundable_amount = amount + 2"))
    with shop.engine.begin() as connection:
        insert_refund(connection, payment_id, 1)


def test_a_sale_with_a_refund_stays_one(shop: Shop) -> None:
    order_id = shop.paid()
    assert shop.cancel(order_id, (1, 1)).status_code == 201
    with refused(shop, "payment_with_refunds_stays_a_sale") as connection:
        connection.execute(text("UPDATE payment SET status = 'REFUND_DUE'"))


def test_a_refund_in_another_currency_is_refused(shop: Shop, payment_id: UUID) -> None:
    with refused(shop, REFUND) as connection:
        insert_refund(connection, payment_id, 1, "USD")


def test_a_refund_of_what_was_not_taken_is_refused(shop: Shop) -> None:
    order_id = shop.placed()
    with refused(shop, REFUND) as connection:
        insert_refund(connection, insert_payment(connection, order_id, status="UNKNOWN"), 1)


@pytest.mark.parametrize(
    "change",
    [
        "charged_amount = 100, charged_currency = 'KRW'",
        f"charged_amount = {TOTAL}, charged_currency = 'USD'",
        "status = 'UNKNOWN', approved_at = NULL",
    ],
)
def test_a_payment_took_no_less_than_its_refunds(shop: Shop, payment_id: UUID, change: str) -> None:
    with shop.engine.begin() as connection:
        insert_refund(connection, payment_id, TOTAL)
    with refused(shop, REFUND) as connection:
        connection.execute(text(f"UPDATE payment SET {change}"))  # noqa: S608 - ours


def test_of_two_refunds_at_once_one_is_refused(shop: Shop, payment_id: UUID) -> None:
    def second() -> None:
        with refused(shop, REFUND) as connection:
            insert_refund(connection, payment_id, TOTAL // 2 + 1)

    with ThreadPoolExecutor(1) as pool:
        with shop.engine.begin() as connection:
            insert_refund(connection, payment_id, TOTAL // 2)
            # As at the commit, which would end before the other one begins.
            connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            other = pool.submit(second)
            wait_until(lambda: _waits_for_a_lock(shop), "the second refund to wait for the first")
        other.result(DEADLINE_SECONDS)
    assert shop.query("SELECT amount FROM refund") == [(TOTAL // 2,)]


def _waits_for_a_lock(shop: Shop) -> bool:
    return bool(
        shop.query(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_refund_is_written_where_others_are_seen(shop: Shop, payment_id: UUID, isolation: str) -> None:
    with refused(shop, REFUND) as connection:
        connection.execute(text(f"SET TRANSACTION ISOLATION LEVEL {isolation}"))
        insert_refund(connection, payment_id, 1)


ITEMS = st.lists(st.tuples(st.integers(1, 1_000), st.integers(0, 10**9)), min_size=1, max_size=8)
PERCENT = st.integers(0, 100)


# One shop for all: each example is an order of its own.
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    items=ITEMS,
    percent=st.none() | PERCENT,
    parts=st.lists(PERCENT, max_size=4),
    wrong_by=st.integers(-3, 3),
)
def test_what_adds_up_is_taken_and_nothing_else(
    shop: Shop, items: Items, percent: int | None, parts: Sequence[int], wrong_by: int
) -> None:
    gross = sum(quantity * price for quantity, price in items)
    discount = None if percent is None else gross * percent // 100
    total = gross - (discount or 0)
    refunds = [total * part // max(1, sum(parts)) for part in parts]
    with shop.engine.begin() as connection:
        order_id = insert_order(connection, total, items, discount)
        payment_id = insert_payment(connection, order_id, amount=total)
        for amount in refunds:
            insert_refund(connection, payment_id, amount)
    if wrong_by and total + wrong_by >= 0:
        with refused(shop, ORDER) as connection:
            insert_order(connection, total + wrong_by, items, discount)
    if wrong_by > 0:
        with refused(shop, REFUND) as connection:
            insert_refund(connection, payment_id, total - sum(refunds) + wrong_by)
