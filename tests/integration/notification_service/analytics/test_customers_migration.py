"""The migration after which customers are forgotten: those that are there count from it."""

from pathlib import Path

from sqlalchemy import text

from notification_service.migrations import SCHEMA
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.migrations import upgrade
from tests.integration.notification_service.former_release import make_former_database

FIRST_ORDER = """
    INSERT INTO customer (user_id, first_order_id, first_completed_at)
    VALUES (:user_id, gen_random_uuid(), now() - interval '6 years')
"""
LAST_ORDERS = """
    SELECT last_completed_at > now() - interval '1 hour' FROM customer ORDER BY user_id
"""


def test_a_customer_that_is_there_counts_from_the_migration(database_url: str, tmp_path: Path) -> None:
    make_former_database(database_url, tmp_path, "0011")
    engine = create_engine(DatabaseSettings(database_url=database_url), "test")
    with engine.begin() as connection:
        connection.execute(text(FIRST_ORDER), {"user_id": 1})

    upgrade(database_url, SCHEMA)

    with engine.begin() as connection:
        # As both releases store a customer from then on.
        connection.execute(text(FIRST_ORDER), {"user_id": 2})
        assert list(connection.execute(text(LAST_ORDERS)).scalars()) == [True, None]
    engine.dispose()
