"""Rows from before the database held sums: right ones are held to them, wrong ones go on as they are."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from structlog.typing import EventDict

from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from tests.integration.order_service import former_release
from tests.integration.order_service.ledger.test_sums import ORDER, PAYMENT, REFUND, insert_refund, refused
from tests.integration.order_service.shop import Shop
from tests.support.service_databases import migrate_orders
from tests.support.waiting_migration import wait_until_migration_waits

BROKEN = "constraint_is_broken_by_former_rows"
IS_VALID = text(f"SELECT convalidated FROM pg_constraint WHERE conname = '{PAYMENT}'")  # noqa: S608


@pytest.fixture
def former(database_url: str, tmp_path: Path) -> Iterator[Engine]:
    """A database that the migration has not reached, with a payment and its order."""
    former_release.migrate_to(database_url, "0015", tmp_path)
    engine = create_engine(DatabaseSettings(database_url=database_url), "test")
    with engine.begin() as connection:
        former_release.save(connection, former_release.add(connection, "toss"), "REFUND_DUE")
    yield engine
    engine.dispose()


def test_wrong_rows_stay_and_change_in_all_else(
    database_url: str, former: Engine, logs: list[EventDict]
) -> None:
    with former.begin() as connection:
        payment_id = connection.execute(text("SELECT payment_id FROM payment")).scalar_one()
        insert_refund(connection, payment_id, 100)
        insert_refund(connection, payment_id, 1)
        connection.execute(text("UPDATE orders SET total_amount = 99"))

    migrate_orders(database_url)

    warned = [line["constraint"] for line in logs if line["event"] == BROKEN]
    assert sorted(warned) == sorted([ORDER, PAYMENT, REFUND])
    with former.begin() as connection:
        assert connection.execute(IS_VALID).scalar_one() is False
        connection.execute(text("UPDATE payment SET looked_up_at = now()"))
        connection.execute(
            text("UPDATE refund SET status = 'REFUNDED', refunded_at = now(), refunded_by = 'kim'")
        )
        connection.execute(text("UPDATE orders SET expired_at = now()"))
    for constraint, change in {
        ORDER: "UPDATE orders SET total_amount = 98",
        PAYMENT: "UPDATE payment SET amount = 98",
        REFUND: "UPDATE refund SET amount = 2, refundable_amount = 2 WHERE amount = 1",
    }.items():
        with refused(Shop(former), constraint) as connection:
            connection.execute(text(change))


def test_the_former_release_goes_on_while_the_migration_waits(
    database_url: str, former: Engine, logs: list[EventDict]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with former.connect() as old:
            old.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            old.execute(text("UPDATE order_item SET product_name = NULL"))
            migration = pool.submit(migrate_orders, database_url)
            for _ in range(2):
                wait_until_migration_waits(former)
                # One that had to wait for the old transaction would run into its lock time-out.
                with former.begin() as connection:
                    former_release.save(connection, former_release.add(connection, "toss"), "APPROVED")
            assert not migration.done()
            old.rollback()
        migration.result(30)
    with former.begin() as connection:
        assert connection.execute(IS_VALID).scalar_one() is True
        former_release.save(connection, former_release.add(connection, "toss"), "APPROVED")
    assert [line for line in logs if line["event"] == BROKEN] == []
