"""The migration to the present states: with the former release's rows, and beside its running processes."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from notification_service.application.retry_deliveries import RetryDeliveries
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import RETRYABLE, Effect
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.migrations import SCHEMA
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.migrations import upgrade
from servicekit.db.schema import ServiceSchema
from tests.integration.notification_service.effect_work import transactions
from tests.support.waiting_migration import wait_until_migration_waits

FORMER_ROWS = """
WITH made AS (
    INSERT INTO completed_order (event_id, order_id, user_id, currency, total_amount, item_count,
                                 recipient_name, recipient_phone, completed_at)
    SELECT gen_random_uuid(), gen_random_uuid(), number, 'KRW', 1000, 1, 'Kim', '010-1234-5678',
           clock_timestamp()
      FROM generate_series(1, 5) AS number
 RETURNING event_id, order_id, user_id)
INSERT INTO delivery (delivery_id, event_id, order_id, effect, status, attempts, due_at, claim_id,
                      last_error, completed_at)
SELECT gen_random_uuid(), event_id, order_id, 'ALIMTALK',
       (ARRAY['PENDING', 'SENDING', 'DELIVERED', 'FAILED', 'SKIPPED'])[user_id],
       user_id - 1,
       CASE WHEN user_id <= 2 THEN clock_timestamp() END,
       CASE WHEN user_id = 2 THEN gen_random_uuid() END,
       CASE WHEN user_id = 4 THEN 'RECEIVER_BUSY' END,
       CASE WHEN user_id > 2 THEN clock_timestamp() END
  FROM made
"""
FORMER_CLAIM = """
UPDATE delivery SET status = 'SENDING', attempts = attempts + 1, claim_id = gen_random_uuid(),
       due_at = clock_timestamp() + interval '30 seconds'
 WHERE effect = 'ALIMTALK' AND due_at <= statement_timestamp()
"""
FORMER_RECORD = """
UPDATE delivery SET status = 'DELIVERED', due_at = NULL, claim_id = NULL, reference = 'm-9',
       completed_at = clock_timestamp()
 WHERE status = 'SENDING'
"""


@pytest.fixture
def former(database_url: str, tmp_path: Path) -> str:
    """A database of the former release, with a delivery in each of its states."""
    folder = tmp_path / "migrations"
    shutil.copytree(SCHEMA.migrations, folder, ignore=shutil.ignore_patterns("000[7-9]*", "__pycache__"))
    upgrade(database_url, ServiceSchema(SCHEMA.service, folder, SCHEMA.families))
    engine = create_engine(DatabaseSettings(database_url=database_url), "test")
    with engine.begin() as connection:
        connection.execute(text(FORMER_ROWS))
    engine.dispose()
    return database_url


def migrated(url: str) -> Engine:
    upgrade(url, SCHEMA)
    return create_engine(DatabaseSettings(database_url=url), "test")


def statuses(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT status FROM delivery ORDER BY status")).scalars())


def test_the_former_releases_deliveries_go_on(former: str) -> None:
    engine = migrated(former)

    with transactions(engine)() as unit_of_work:
        claimed = unit_of_work.claims.claim(Effect.ALIMTALK, 10, 20.0, "sandbox")
        unit_of_work.commit()
    retried = RetryDeliveries(transactions(engine))(DeliverySelection(RETRYABLE), by="kim", reason="up again")

    # What was being sent is looked up first.
    assert {(delivery.attempt, delivery.purpose, delivery.provider) for delivery in claimed} == {
        (1, Purpose.SEND, "sandbox"),
        (2, Purpose.LOOK_UP, None),
    }
    assert retried == 1
    assert statuses(engine) == ["DELIVERED", "PENDING", "SENDING", "SENDING", "SKIPPED"]
    engine.dispose()


def test_the_former_releases_processes_leave_what_is_accepted(former: str) -> None:
    engine = migrated(former)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE delivery SET status = 'ACCEPTED', due_at = NULL, claim_id = NULL,"
                " provider = 'double', reference = 'm-1', accepted_at = clock_timestamp(),"
                " result_due_at = clock_timestamp()"
                " WHERE status = 'SENDING'"
            )
        )
        connection.execute(
            text("UPDATE delivery SET status = 'UNKNOWN', attempts = 1 WHERE status = 'PENDING'")
        )

    with engine.begin() as connection:
        assert connection.execute(text(FORMER_CLAIM)).rowcount == 1
        connection.execute(text(FORMER_RECORD))

    assert statuses(engine) == ["ACCEPTED", "DELIVERED", "DELIVERED", "FAILED", "SKIPPED"]
    engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "status = 'LOST'",
        "status = 'ACCEPTED', due_at = NULL, completed_at = NULL",
        "status = 'EXPIRED', due_at = NULL, completed_at = NULL, claim_id = NULL",
        "status = 'PENDING', due_at = NULL, completed_at = NULL, claim_id = NULL",
        "result_due_at = clock_timestamp()",
    ],
)
def test_the_database_refuses_what_is_no_state(former: str, change: str) -> None:
    engine = migrated(former)

    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(f"UPDATE delivery SET {change}"))  # noqa: S608 - ours
    engine.dispose()


@pytest.mark.parametrize("statement", ["SELECT FROM delivery", "UPDATE delivery SET attempts = attempts"])
def test_claims_go_on_while_an_old_transaction_holds_up_the_migration(former: str, statement: str) -> None:
    engine = create_engine(DatabaseSettings(database_url=former), "test")
    with ThreadPoolExecutor(1) as pool:
        with engine.connect() as old:
            old.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            old.execute(text(f"{statement} WHERE status = 'SKIPPED'"))
            migration = pool.submit(upgrade, former, SCHEMA)
            for _ in range(3):
                wait_until_migration_waits(engine)
                # One that had to wait for the old transaction would run into its lock time-out.
                with engine.begin() as connection:
                    connection.execute(text(FORMER_CLAIM))
            assert not migration.done()
            old.rollback()
        migration.result(30)
    engine.dispose()


def test_a_migration_that_was_interrupted_is_repeated(former: str) -> None:
    engine = migrated(former)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0006'"))
        connection.execute(text("DROP INDEX delivery_retryable_idx"))

    upgrade(former, SCHEMA)

    with engine.connect() as connection:
        is_valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'delivery_retryable_idx'::regclass"
        assert connection.scalar(text(is_valid))
    engine.dispose()
