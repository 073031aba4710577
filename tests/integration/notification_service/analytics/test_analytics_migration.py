"""The migration that lets analytics keep more: beside running processes, and after an interruption."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from notification_service.migrations import SCHEMA
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.migrations import upgrade
from tests.integration.notification_service.former_release import (
    FORMER_CLAIM,
    FORMER_RECORD,
    FORMER_ROWS,
    make_former_database,
)
from tests.support.waiting_migration import wait_until_migration_waits

COUNTED = """
INSERT INTO sales_daily (business_day, currency, orders, items, amount)
VALUES ('2026-11-22', 'KRW', 1, 1, 100), ('2026-11-23', 'KRW', 1, 1, 100);
INSERT INTO analytics_order (order_id, event_id, user_id, currency, total_amount, item_count, completed_at)
VALUES (gen_random_uuid(), gen_random_uuid(), 1, 'KRW', 100, 1, '2026-11-23T12:00+09')
"""


@pytest.fixture
def former(database_url: str, tmp_path: Path) -> Iterator[Engine]:
    """A database that the migration has not reached; of what it counted on the 22nd, nothing is kept."""
    make_former_database(database_url, tmp_path, "0007")
    engine = create_engine(DatabaseSettings(database_url=database_url), "test")
    with engine.begin() as connection:
        connection.execute(text(COUNTED))
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    "holding",
    [
        "UPDATE completed_order SET user_id = user_id WHERE user_id = 5",
        "UPDATE delivery SET attempts = attempts WHERE status = 'SKIPPED'",
        # As long as reading all of it takes.
        "LOCK TABLE analytics_order",
        "LOCK TABLE sales_daily",
    ],
)
def test_acceptance_and_effects_go_on_while_the_migration_waits(
    database_url: str, former: Engine, holding: str
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with former.connect() as old:
            old.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            old.execute(text(holding))
            migration = pool.submit(upgrade, database_url, SCHEMA)
            for _ in range(3):
                wait_until_migration_waits(former)
                # One that had to wait for the old transaction would run into its lock time-out.
                for statement in (FORMER_ROWS, FORMER_CLAIM, FORMER_RECORD):
                    with former.begin() as connection:
                        connection.execute(text(statement))
            assert not migration.done()
            old.rollback()
        migration.result(30)

    assert closed_days(former) == ["2026-11-22"]


@pytest.mark.parametrize("failing", ["trigger delivery_delays", "index completed_order_time_idx"])
def test_a_migration_of_analytics_that_was_interrupted_is_repeated(
    database_url: str, former: Engine, failing: str
) -> None:
    upgrade(database_url, SCHEMA)
    table = " ON delivery" if failing.startswith("trigger") else ""
    with former.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0007'"))
        connection.execute(text(f"DROP {failing}{table}"))

    upgrade(database_url, SCHEMA)

    made = "SELECT FROM pg_trigger WHERE tgname = :name UNION ALL SELECT FROM pg_class WHERE relname = :name"
    with former.connect() as connection:
        assert connection.execute(text(made), {"name": failing.split()[1]}).first() is not None
    assert closed_days(former) == ["2026-11-22"]


def closed_days(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT business_day::text FROM analytics_closed_day ORDER BY 1"))
        return list(found.scalars())
