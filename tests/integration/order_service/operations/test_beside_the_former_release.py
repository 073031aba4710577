"""The database refuses what a process that doesn't know a payment's gateway would do to it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from structlog.typing import EventDict

from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.errors import Verdict, constraint_name, sqlstate, verdict
from tests.integration.order_service import former_release
from tests.integration.order_service.ledger_gateway import LedgerGateway
from tests.integration.order_service.shop import A_SECOND, Shop, slug
from tests.support.service_databases import migrate_orders
from tests.support.waiting_migration import wait_until_migration_waits

REFUSED = "55000"


def an_unknown_payment(shop: Shop, gateway: str) -> UUID:
    paying = Shop(shop.engine, LedgerGateway(gateway))
    assert paying.pay(paying.placed(), f"silent-{gateway}").status_code == 504
    [(payment_id,)] = shop.query(f"SELECT payment_id FROM payment WHERE gateway = '{gateway}'")  # noqa: S608
    assert isinstance(payment_id, UUID)
    return payment_id


@contextmanager
def refused(shop: Shop, trigger: str) -> Iterator[Connection]:
    """What is done in it is refused, so that every release takes it for a database to wait for."""
    with pytest.raises(DBAPIError) as error, shop.engine.begin() as connection:
        yield connection
    assert (sqlstate(error.value), constraint_name(error.value)) == (REFUSED, trigger)
    assert verdict(error.value) is Verdict.UNAVAILABLE


@pytest.mark.parametrize("status", ["APPROVED", "DECLINED", "ABANDONED", "REFUND_DUE"])
def test_the_former_release_decides_no_payment_of_a_real_gateway(shop: Shop, status: str) -> None:
    payment_id = an_unknown_payment(shop, "toss")

    with refused(shop, "payment_is_decided_by_its_gateway") as connection:
        former_release.save(connection, payment_id, status)

    assert shop.payment_statuses() == ["UNKNOWN"]


def test_the_former_release_may_learn_nothing_of_a_payment(shop: Shop) -> None:
    payment_id = an_unknown_payment(shop, "toss")
    for status in ("REQUESTED", "UNKNOWN"):
        with shop.engine.begin() as connection:
            former_release.save(connection, payment_id, status)
        assert shop.payment_statuses() == [status]


@pytest.mark.parametrize("status", ["APPROVED", "DECLINED", "ABANDONED"])
def test_the_former_release_goes_on_in_process(shop: Shop, status: str) -> None:
    payment_id = an_unknown_payment(shop, "in-process")
    with shop.engine.begin() as connection:
        former_release.save(connection, payment_id, status)
        stored = former_release.add(connection, None)
        former_release.save(connection, stored, status)
    assert shop.payment_statuses() == [status, status]


def test_the_former_release_settles_what_it_stored_at_a_real_gateway(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        payment_id = former_release.add(connection, "toss")
        former_release.save(connection, payment_id, "APPROVED")
    assert shop.query("SELECT status, decided_by FROM payment") == [("APPROVED", None)]


def test_the_present_release_settles_what_the_former_one_may_not(shop: Shop) -> None:
    toss = LedgerGateway("toss")
    present = Shop(shop.engine, toss)
    order_id = present.placed()
    present.pay(order_id, "silent-1", key="k-1")
    [(payment_id,)] = shop.query("SELECT payment_id FROM payment")
    with refused(shop, "payment_is_decided_by_its_gateway") as connection:
        former_release.save(connection, payment_id, "APPROVED")

    assert present.pay(order_id, "silent-1", key="k-1").status_code == 201
    assert shop.query("SELECT status, decided_by FROM payment") == [("APPROVED", "toss")]


@pytest.mark.parametrize("change", ["gateway = 'other'", "gateway = NULL", "gateway_account = 'account-2'"])
def test_a_payment_changes_neither_gateway_nor_account(shop: Shop, change: str) -> None:
    an_unknown_payment(shop, "toss")
    with refused(shop, "payment_keeps_its_gateway") as connection:
        connection.execute(text(f"UPDATE payment SET {change}"))  # noqa: S608 - ours


@pytest.mark.parametrize("gateway", [None, "in-process"])
def test_a_shop_that_took_real_money_takes_no_other(shop: Shop, gateway: str | None) -> None:
    an_unknown_payment(shop, "in-process")
    an_unknown_payment(shop, "toss")

    with refused(shop, "payment_takes_real_money") as connection:
        former_release.add(connection, gateway)

    assert an_unknown_payment(shop, "portone")
    assert shop.query("SELECT gateway FROM payment_gateway_in_use ORDER BY 1") == [("portone",), ("toss",)]


def test_a_replica_still_in_process_sells_nothing_for_nothing(shop: Shop, logs: list[EventDict]) -> None:
    toss, in_process = LedgerGateway("toss"), LedgerGateway("in-process")
    present, left_over = Shop(shop.engine, toss), Shop(shop.engine, in_process)
    earlier, order_id = left_over.placed(), left_over.placed()
    assert left_over.pay(earlier, "silent-1", key="k-1").status_code == 504
    assert present.pay(present.placed()).status_code == 201

    reply = left_over.pay(order_id, key="k-2")

    assert (reply.status_code, slug(reply)) == (503, "payment-gateway-misconfigured")
    assert left_over.order(order_id)["status"] == "PENDING_PAYMENT"
    assert [str(request.order_id) for request in in_process.charged.values()] == [earlier]
    [line] = [line for line in logs if line["event"] == "payment_gateway_takes_no_real_money"]
    assert (line["order_id"], line["gateway"]) == (order_id, "in-process")
    # The same request, at a replica that knows the real one; and what was begun before goes on.
    assert present.pay(order_id, key="k-2").status_code == 201
    left_over.time_passes(A_SECOND)
    assert left_over.pay(earlier, "silent-1", key="k-1").status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        "decided_by = 'toss'",
        "charged_amount = 5, charged_currency = 'USD'",
        "status = 'REFUND_DUE', approved_at = now(), charged_amount = 5",
        "status = 'REFUND_DUE', approved_at = now(), charged_amount = 0, charged_currency = 'USD'",
    ],
)
def test_the_database_refuses_what_contradicts_itself(shop: Shop, change: str) -> None:
    an_unknown_payment(shop, "in-process")
    with pytest.raises(DBAPIError) as error, shop.engine.begin() as connection:
        connection.execute(text(f"UPDATE payment SET {change}"))  # noqa: S608 - ours
    assert sqlstate(error.value) == "23514"


@pytest.fixture
def former(database_url: str, tmp_path: Path) -> Iterator[Engine]:
    """A database that the migration has not reached, with a payment at a real gateway."""
    former_release.migrate_to(database_url, "0010", tmp_path)
    engine = create_engine(DatabaseSettings(database_url=database_url), "test")
    with engine.begin() as connection:
        former_release.add(connection, "toss")
    yield engine
    engine.dispose()


def test_real_money_taken_before_the_migration_counts(database_url: str, former: Engine) -> None:
    migrate_orders(database_url)
    with refused(Shop(former), "payment_takes_real_money") as connection:
        former_release.add(connection, "in-process")


def test_payments_go_on_while_an_old_transaction_holds_up_the_migration(
    database_url: str, former: Engine
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with former.connect() as old:
            old.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            old.execute(text("SELECT FROM payment"))
            migration = pool.submit(migrate_orders, database_url)
            for _ in range(3):
                wait_until_migration_waits(former)
                # One that had to wait for the old transaction would run into its lock time-out.
                with former.begin() as connection:
                    former_release.add(connection, "toss")
            assert not migration.done()
            old.rollback()
        migration.result(30)
    assert Shop(former).query("SELECT gateway FROM payment_gateway_in_use") == [("toss",)]


def test_a_migration_that_was_interrupted_is_repeated(database_url: str, former: Engine) -> None:
    migrate_orders(database_url)
    with former.begin() as connection:
        connection.execute(text("DELETE FROM payment_gateway_in_use"))
        connection.execute(text("DROP TRIGGER payment_takes_real_money ON payment"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0010' WHERE version_num > '0010'"))

    migrate_orders(database_url)

    with refused(Shop(former), "payment_takes_real_money") as connection:
        former_release.add(connection, None)
