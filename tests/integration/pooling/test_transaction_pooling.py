"""The services behind PgBouncer in transaction mode: everything works, and every limit holds."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from coupon_service.api import build_application
from devstack.postgresql import PostgresqlServer
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.count_sales import CountSales
from notification_service.migrations import SCHEMA as NOTIFICATION_SCHEMA
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.errors import Verdict, verdict
from servicekit.db.migrations import upgrade
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.service import (
    a_handler,
    accepted,
    count,
    create_coupon,
    published_events,
    rows,
)
from tests.integration.notification_service.effect_work import transactions
from tests.integration.order_service.shop import Shop
from tests.support.database_faults import end_sessions
from tests.support.notification_builders import a_completed_order
from tests.support.pgbouncer import SERVER_SESSIONS, PgBouncer, a_pgbouncer
from tests.support.service_databases import migrate_coupons, migrate_orders

CUSTOMERS = 4 * SERVER_SESSIONS
LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
COMMANDS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def pgbouncer(server_directory: Path, postgresql_server: PostgresqlServer) -> Iterator[PgBouncer]:
    with a_pgbouncer(server_directory / "pgbouncer", postgresql_server) as pgbouncer:
        yield pgbouncer


@pytest.fixture(scope="module")
def pgbouncer_that_ignores(
    server_directory: Path, postgresql_server: PostgresqlServer
) -> Iterator[PgBouncer]:
    """As it is often configured, so that clients can connect at all."""
    directory = server_directory / "pgbouncer-that-ignores"
    settings = {"ignore_startup_parameters": "options,extra_float_digits"}
    with a_pgbouncer(directory, postgresql_server, **settings) as pgbouncer:
        yield pgbouncer


@pytest.fixture
def pooled(pgbouncer: PgBouncer, database_url: str) -> Iterator[Engine]:
    """The test's database through the pooler."""
    settings = DatabaseSettings(
        database_url=pgbouncer.url(database_url),
        database_pooling="transaction",
        database_pool_size=CUSTOMERS,
        database_pool_timeout_seconds=30,
    )
    engine = create_engine(settings, "pooled")
    yield engine
    engine.dispose()


@pytest.fixture
def limited(pgbouncer: PgBouncer, database_url: str) -> Iterator[Engine]:
    """The same with limits that are short enough to be met."""
    settings = DatabaseSettings(
        database_url=pgbouncer.url(database_url),
        database_pooling="transaction",
        database_statement_timeout_ms=20_000,
        database_lock_timeout_ms=1_000,
        database_idle_in_transaction_timeout_ms=500,
    )
    engine = create_engine(settings, "limited")
    yield engine
    engine.dispose()


def test_each_transaction_has_its_limits_and_leaves_none_behind(
    limited: Engine, pgbouncer: PgBouncer, database_url: str
) -> None:
    settings = DatabaseSettings(database_url=pgbouncer.url(database_url), database_pooling="transaction")
    for _ in range(3):
        with limited.connect() as connection:
            limits = [connection.scalar(text(f"SHOW {name}")) for name in LIMITS]
            zone = connection.scalar(text("SHOW timezone"))
            connection.commit()
            again = connection.scalar(text("SHOW lock_timeout"))
        assert (limits, zone, again) == (["20s", "1s", "500ms"], "UTC", "1s")
    other = create_engine(settings, "other")
    with other.connect() as connection:
        assert connection.scalar(text("SHOW lock_timeout")) == "3s"
    other.dispose()


def test_wait_for_a_lock_ends_in_time(limited: Engine, database_url: str) -> None:
    holder = create_engine(DatabaseSettings(database_url=database_url), "holder")
    with holder.connect() as holding, limited.connect() as waiting:
        holding.execute(text("CREATE TABLE one (id int)"))
        holding.commit()
        holding.execute(text("LOCK TABLE one"))
        with pytest.raises(DBAPIError, match="lock timeout") as failed:
            waiting.execute(text("SELECT * FROM one"))
    holder.dispose()
    assert verdict(failed.value) is Verdict.CONFLICT


def test_transaction_of_a_frozen_process_is_ended(limited: Engine) -> None:
    with limited.begin() as connection:
        connection.execute(text("CREATE TABLE one (id int)"))
    with limited.connect() as frozen, limited.connect() as other:
        frozen.execute(text("LOCK TABLE one"))
        # Shorter than the wait for a lock: it gets the table once the other transaction is ended.
        assert other.execute(text("SELECT count(*) FROM one")).scalar_one() == 0
        with pytest.raises(DBAPIError) as failed:
            frozen.execute(text("SELECT 1"))
    assert verdict(failed.value) is Verdict.UNAVAILABLE


def test_session_that_ended_behind_the_pooler_is_unavailable(pooled: Engine, database_url: str) -> None:
    with pooled.connect() as victim:
        victim.execute(text("SELECT 1"))
        end_sessions(database_url)
        with pytest.raises(DBAPIError) as failed:
            victim.execute(text("SELECT 1"))
    assert verdict(failed.value) is Verdict.UNAVAILABLE
    with pooled.connect() as other:
        assert other.scalar(text("SHOW lock_timeout")) == "3s"


def test_orders_are_placed_and_paid(pooled: Engine, database_url: str) -> None:
    migrate_orders(database_url)
    shop = Shop(pooled)

    def buy(number: int) -> list[int]:
        placed = shop.place(key=f"order-{number}")
        order_id = placed.get_json()["orderId"]
        replies = [placed, *(shop.pay(order_id, f"pay-{number}", key=f"payment-{number}") for _ in range(2))]
        assert shop.order(order_id)["status"] == "COMPLETED"
        return [reply.status_code for reply in replies]

    with ThreadPoolExecutor(CUSTOMERS) as customers:
        statuses = list(customers.map(buy, range(40)))

    assert statuses == [[201, 201, 201]] * 40
    assert (shop.count("orders"), len(shop.events()), len(shop.gateway.charged)) == (40, 40, 40)
    assert shop.client.get("/readyz").status_code == 200


def test_coupons_are_requested_and_decided(pooled: Engine, database_url: str) -> None:
    migrate_coupons(database_url)
    application = build_application(pooled, StopSignal(), max_waiting=2)
    coupon_id = create_coupon(application.test_client(), totalQuantity=10)

    with ThreadPoolExecutor(CUSTOMERS) as customers:
        list(customers.map(lambda user: accepted(application.test_client(), user, coupon_id), range(1, 31)))
    a_handler(pooled).handle(published_events(pooled))

    outcomes = rows(pooled, "SELECT status, count(*) FROM coupon_request GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in outcomes] == [("ISSUED", 10), ("REJECTED", 20)]
    assert count(pooled, "user_coupon") == 10


def test_completed_orders_are_accepted_and_counted(pooled: Engine, database_url: str) -> None:
    upgrade(database_url, NOTIFICATION_SCHEMA)
    orders = [a_completed_order() for _ in range(30)]
    accept = AcceptOrderEvents(transactions(pooled))

    assert sum(accept(orders[start:]) for start in (20, 10, 0)) == 30
    CountSales(transactions(pooled))(StopSignal())

    assert [tuple(row) for row in rows(pooled, "SELECT orders, amount FROM sales_daily")] == [(30, 900_000)]


@pytest.mark.parametrize("command", ["api", "migrate"])
@pytest.mark.parametrize("ignored", [False, True], ids=["refused", "ignored"])
def test_pooler_that_keeps_settings_from_us_is_named_at_the_start(
    pgbouncer: PgBouncer,
    pgbouncer_that_ignores: PgBouncer,
    database_url: str,
    command: str,
    ignored: bool,
) -> None:
    pooler = pgbouncer_that_ignores if ignored else pgbouncer
    started = subprocess.run(
        [COMMANDS / "order-service", command],
        env={
            "PATH": os.environ["PATH"], "DATABASE_URL": pooler.url(database_url),
            "PAYMENT_GATEWAY": "in-process",
        },
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert started.returncode == 2, started.stderr
    assert started.stderr.splitlines()[-1].startswith("Error: a connection pooler keeps time limits")
    assert "DATABASE_POOLING=transaction" in started.stderr
