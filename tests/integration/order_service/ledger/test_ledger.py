"""What is paid and returned is entered with it, in equal debits and credits, and never changed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.db.errors import constraint_name
from tests.integration.order_service import former_release
from tests.integration.order_service.refunding.test_refunding import a_refunder
from tests.integration.order_service.shop import TOTAL, Shop
from tests.support.order_books import HELD, Books, open_books
from tests.support.service_databases import migrate_orders
from tests.support.waiting import wait_until

IN_PROCESS = "gateway:in-process/in-process"
SUMS = "SELECT account, sum(amount) FROM ledger_posting GROUP BY account ORDER BY account"
WAITING = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
SOLD_AND_RETURNED = [("returns", 1_000), ("sales", -1_000)]


@pytest.fixture
def books(order_database_url: str) -> Iterator[Books]:
    with open_books(order_database_url) as books:
        yield books


def test_a_payment_is_entered_with_its_order(shop: Shop) -> None:
    books = Books(shop.engine)
    order_id = shop.placed()
    assert shop.pay(order_id, "decline-1").status_code == 402
    assert shop.pay(order_id).status_code == 201

    [(kind, source_id, entered_order)] = shop.query("SELECT kind, source_id, order_id FROM ledger_entry")
    assert (kind, str(entered_order)) == ("SALE", order_id)
    assert books.postings("SALE", source_id) == {IN_PROCESS: TOTAL, "sales": -TOTAL}
    assert books.differences() == {}


def test_a_charge_that_is_returned_is_entered_twice(shop: Shop) -> None:
    books = Books(shop.engine)
    assert shop.pay(shop.placed(), "dollars-1").status_code == 409
    [(payment_id,)] = shop.query("SELECT payment_id FROM payment")
    assert books.postings("CHARGE_TO_RETURN", payment_id) == {IN_PROCESS: 2_300, "refunds-payable": -2_300}
    assert books.differences() == {}

    a_refunder(shop)()

    assert books.postings("MONEY_RETURNED", payment_id) == {IN_PROCESS: -2_300, "refunds-payable": 2_300}
    assert shop.query("SELECT DISTINCT currency FROM ledger_posting") == [("USD",)]
    assert books.differences() == {}


def test_each_cancellation_of_a_paid_order_is_entered(shop: Shop) -> None:
    books = Books(shop.engine)
    order_id = shop.paid()
    for lines in ([(1, 1)], []):
        assert shop.cancel(order_id, *lines).status_code == 201
    assert books.query(
        "SELECT account, sum(amount), count(*) FROM ledger_posting GROUP BY account ORDER BY account"
    ) == [
        (IN_PROCESS, 0, 3),
        ("refunds-payable", 0, 4),
        ("returns", TOTAL, 2),
        ("sales", -TOTAL, 1),
    ]
    assert books.differences() == {}


def test_a_discount_is_the_difference_to_the_prices(books: Books) -> None:
    paid = books.sale(gross=1_001, discount=101)
    free = books.sale(gross=500, discount=500)
    nothing = books.sale(gross=0)
    assert books.postings("SALE", paid.payment_id) == {HELD: 900, "discounts": 101, "sales": -1_001}
    assert books.postings("SALE", free.payment_id) == {"discounts": 500, "sales": -500}
    assert books.postings("SALE", nothing.payment_id) == {}
    assert books.differences() == {}


def test_each_return_of_a_sale_is_entered_when_it_is_owed_and_made(books: Books) -> None:
    paid = books.sale()
    part, rest = books.cancelled(paid, 300, left=1_000), books.cancelled(paid, 700, left=700)
    books.refunded(part)
    assert books.postings("CANCELLATION", rest) == {"returns": 700, "refunds-payable": -700}
    assert books.postings("MONEY_RETURNED", part) == {"refunds-payable": 300, HELD: -300}
    assert books.postings("MONEY_RETURNED", rest) == {}
    assert books.differences() == {}


def test_what_a_gateway_took_back_is_what_was_left_of_it(books: Books) -> None:
    paid = books.sale()
    before, after = books.cancelled(paid, 300, left=1_000), books.cancelled(paid, 100, left=700)
    books.refunded(before)
    books.taken_back(paid)
    assert books.postings("TAKEN_BACK", paid.payment_id) == {"losses": 700, HELD: -700}
    # What the gateway no longer has, it doesn't return from what it has of others.
    books.refunded(after)
    books.refunded(books.cancelled(paid, 600, left=600))
    assert books.postings("MONEY_RETURNED", after) == {"refunds-payable": 100, "losses": -100}
    assert books.query(SUMS) == [(HELD, 0), ("losses", 0), ("refunds-payable", 0), *SOLD_AND_RETURNED]
    assert books.differences() == {}


def test_what_a_gateway_has_again_is_what_was_lost_until_then(books: Books) -> None:
    paid = books.sale()
    before, meanwhile = books.cancelled(paid, 300, left=1_000), books.cancelled(paid, 100, left=700)
    books.refunded(before)
    books.taken_back(paid)
    books.refunded(meanwhile)
    books.restored(paid)
    assert books.postings("RESTORED", paid.payment_id) == {HELD: 600, "losses": -600}
    # From now on it is the gateway again that returns it.
    after = books.cancelled(paid, 600, left=600)
    books.refunded(after)
    assert books.postings("MONEY_RETURNED", after) == {"refunds-payable": 600, HELD: -600}
    assert books.query(SUMS) == [(HELD, 0), ("losses", 0), ("refunds-payable", 0), *SOLD_AND_RETURNED]
    assert books.differences() == {}


def test_a_refund_sees_what_was_taken_back_while_it_waited(books: Books) -> None:
    paid = books.sale()
    part = books.cancelled(paid, 300, left=1_000)
    with ThreadPoolExecutor(1) as pool:
        with books.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE payment SET taken_back_at = clock_timestamp()")
            refunded = pool.submit(books.refunded, part)
            wait_until(lambda: bool(books.query(WAITING)), "the refund waits")
        refunded.result(30)
    assert books.postings("TAKEN_BACK", paid.payment_id) == {"losses": 1_000, HELD: -1_000}
    assert books.postings("MONEY_RETURNED", part) == {"refunds-payable": 300, "losses": -300}
    assert books.differences() == {}


def test_what_cancellations_return_is_not_taken_back(books: Books) -> None:
    """A former release's worker doesn't look for them."""
    paid = books.sale()
    books.refunded(books.cancelled(paid, 400, left=1_000))
    rest = books.cancelled(paid, 600, left=600)
    books.taken_back(paid)
    books.refunded(rest)
    assert books.query("SELECT taken_back_at FROM payment") == [(None,)]
    assert books.query("SELECT kind FROM ledger_entry WHERE kind = 'TAKEN_BACK'") == []
    assert books.differences() == {}


def test_what_is_returned_outside_of_the_gateway_stays_there(books: Books) -> None:
    paid = books.sale()
    outside, after = books.cancelled(paid, 300, left=1_000), books.cancelled(paid, 200, left=1_000)
    books.refunded(outside, outside=True)
    books.refunded(after)
    assert books.postings("MONEY_RETURNED", outside) == {"refunds-payable": 300, "returned-outside": -300}
    assert books.postings("MONEY_RETURNED", after) == {"refunds-payable": 200, HELD: -200}
    # What the gateway then takes back is what it still had.
    books.taken_back(paid)
    assert books.postings("TAKEN_BACK", paid.payment_id) == {"losses": 800, HELD: -800}
    assert books.differences() == {}


def test_a_gateway_can_take_back_what_was_returned_outside(books: Books) -> None:
    paid = books.sale()
    for amount, outside in ((300, True), (700, False)):
        books.refunded(books.cancelled(paid, amount, left=1_000), outside=outside)
    with OrderUnitOfWork(books.engine) as unit_of_work:
        assert unit_of_work.payments.record_taken_back(paid.payment_id)
        unit_of_work.commit()
    assert books.postings("TAKEN_BACK", paid.payment_id) == {"losses": 300, HELD: -300}


def test_a_charge_returned_outside_of_the_gateway_stays_there(books: Books) -> None:
    paid = books.wrong_charge()
    books.refunded(books.cancelled(paid, 1_000, left=1_000), outside=True)
    books.returned(paid)
    returned = books.postings("MONEY_RETURNED", paid.payment_id)
    assert returned == {"refunds-payable": 1_000, "returned-outside": -1_000}
    assert books.differences() == {}


def test_only_what_is_returned_was_returned_outside(books: Books) -> None:
    books.cancelled(books.sale(), 300, left=1_000)
    with pytest.raises(DBAPIError) as error, books.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE refund SET returned_outside = true")
    assert constraint_name(error.value) == "refund_returned_outside_once_made"


def test_a_sale_that_an_operator_returns_is_no_second_charge(books: Books) -> None:
    paid = books.sale()
    with books.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE payment SET status = 'REFUND_DUE'")
    books.returned(paid)
    assert books.query(SUMS) == [(HELD, 0), ("refunds-payable", 0), *SOLD_AND_RETURNED]


def test_repeating_a_change_enters_nothing(books: Books) -> None:
    paid = books.sale()
    books.taken_back(paid)
    for _ in range(2):
        books.taken_back(paid)
        with books.engine.begin() as connection:
            connection.exec_driver_sql("SELECT enter_payment(payment) FROM payment")
    assert books.query("SELECT kind FROM ledger_entry ORDER BY 1") == [("SALE",), ("TAKEN_BACK",)]
    assert books.query("SELECT count(*) FROM ledger_posting") == [(4,)]


def test_an_entry_comes_and_goes_with_its_payment(books: Books) -> None:
    paid = books.requested()
    with books.engine.connect() as connection:
        connection.exec_driver_sql(
            "UPDATE payment SET status = 'APPROVED', approved_at = now(), decided_by = gateway"
        )
        assert connection.exec_driver_sql("SELECT count(*) FROM ledger_entry").scalar_one() == 1
        connection.rollback()
    assert books.query("SELECT count(*) FROM ledger_entry") == [(0,)]
    assert books.postings("SALE", paid.payment_id) == {}


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_posting", "ledger_seal"])
@pytest.mark.parametrize("change", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_ledger_is_only_added_to(books: Books, table: str, change: str) -> None:
    books.sale()
    column = {"ledger_entry": "kind", "ledger_posting": "amount", "ledger_seal": "entries"}[table]
    with pytest.raises(DBAPIError) as error, books.engine.begin() as connection:
        connection.exec_driver_sql(change.format(table, f"{column} = {column}"))
    assert str(constraint_name(error.value)).endswith("_stays")


def test_unequal_debits_and_credits_are_refused(books: Books) -> None:
    books.sale()
    with pytest.raises(DBAPIError) as error, books.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO ledger_posting SELECT entry_id, 'losses', 'KRW', 1 FROM ledger_entry"
        )
    assert constraint_name(error.value) == "ledger_posting_balances"


def test_payments_of_the_former_release_are_entered(books: Books) -> None:
    with books.engine.begin() as connection:
        payment_id = former_release.add(connection, None)
        former_release.save(connection, payment_id, "APPROVED")
    assert books.postings("SALE", payment_id) == {"gateway:in-process": 100, "sales": -100}


def test_payments_from_before_the_migration_are_entered(database_url: str, tmp_path: Path) -> None:
    former_release.migrate_to(database_url, "0017", tmp_path)
    with open_books(database_url) as books:
        sale, charge = books.sale(), books.wrong_charge(5, "USD")
        books.returned(charge)
        books.requested()
        lost = books.sale()
        before, after = books.cancelled(lost, 300, left=1_000), books.cancelled(lost, 100, left=700)
        books.refunded(before)
        books.taken_back(lost)

        migrate_orders(database_url)

        books.refunded(after)
        assert books.postings("TAKEN_BACK", lost.payment_id) == {"losses": 700, HELD: -700}
        assert books.postings("MONEY_RETURNED", after) == {"refunds-payable": 100, "losses": -100}

        assert books.postings("SALE", sale.payment_id) == {HELD: 1_000, "sales": -1_000}
        assert books.postings("MONEY_RETURNED", charge.payment_id) == {HELD: -5, "refunds-payable": 5}
        assert books.differences() == {}
