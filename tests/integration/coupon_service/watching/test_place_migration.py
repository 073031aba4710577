"""The migration that gives requests their places: it lets writers go on, and mends what it left behind."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from servicekit.identifiers import uuid7
from tests.integration.coupon_service.service import an_engine, rows
from tests.support.service_databases import migrate_coupons
from tests.support.waiting_migration import wait_until_migration_waits

# As migration 0011 left it.
BEFORE = """
DROP INDEX coupon_request_undecided;
ALTER TABLE coupon_request DROP COLUMN accepted_xid;
DROP TABLE order_difference, coupon_order;
UPDATE alembic_version SET version_num = '0011' WHERE version_num = '0015'
"""
REQUEST = text("""
INSERT INTO coupon_request (request_id, coupon_id, user_id, status, requested_at)
VALUES (:request_id, 1, :user_id, 'ACCEPTED', clock_timestamp())
""")
INDEX = """
SELECT indisvalid, indisunique FROM pg_index WHERE indexrelid = to_regclass('coupon_request_undecided')
"""


@pytest.fixture
def former(database_url: str) -> Iterator[Engine]:
    """A database that the migration has not reached, with two requests."""
    migrate_coupons(database_url)
    engine = an_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text(BEFORE))
    for user_id in (1, 2):
        accept(engine, user_id)
    yield engine
    engine.dispose()


def accept(engine: Engine, user_id: int) -> UUID:
    request_id = uuid7()
    with engine.begin() as connection:
        connection.execute(REQUEST, {"request_id": request_id, "user_id": user_id})
    return request_id


@pytest.mark.parametrize(
    ("statement", "waits_for_the_table"),
    [("SELECT 1", False), ("UPDATE coupon_request SET reason = reason", True)],
)
def test_writers_go_on_while_an_old_transaction_holds_up_the_index(
    database_url: str, former: Engine, statement: str, waits_for_the_table: bool
) -> None:
    with capture_logs() as logs, ThreadPoolExecutor(1) as pool:
        with former.connect().execution_options(isolation_level="REPEATABLE READ") as old:
            old.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            old.execute(text(statement))
            migration = pool.submit(migrate_coupons, database_url)
            for user_id in range(3, 9):
                wait_until_migration_waits(former)
                # One that had to wait for the old transaction would run into its lock time-out.
                accept(former, user_id)
            assert not migration.done()
            old.rollback()
        migration.result(30)
    assert any(log["event"] == "migration_waits_for_a_table" for log in logs) == waits_for_the_table
    assert tuple(rows(former, INDEX)[0]) == (True, False)
    assert rows(former, "SELECT version_num FROM alembic_version WHERE version_num = '0015'")


def test_what_an_interrupted_build_left_is_built_again(database_url: str, former: Engine) -> None:
    autocommit = former.execution_options(isolation_level="AUTOCOMMIT")
    with autocommit.connect() as connection, pytest.raises(IntegrityError):
        # Both requests are for the same coupon, so this build fails half-way.
        connection.execute(
            text("CREATE UNIQUE INDEX CONCURRENTLY coupon_request_undecided ON coupon_request (coupon_id)")
        )
    assert tuple(rows(former, INDEX)[0]) == (False, True)
    migrate_coupons(database_url)
    assert tuple(rows(former, INDEX)[0]) == (True, False)
