"""The coupon service on a database of the test's own."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from coupon_service.api import build_application
from coupon_service.config import ApiSettings
from devstack.postgresql import PostgresqlServer
from servicekit.db.engine import create_engine
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.service import an_engine
from tests.support.databases import fresh_database
from tests.support.service_databases import migrate_coupons


@pytest.fixture(scope="session")
def migrated_database(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """The name of a database with the service's tables, to be copied: migrating takes far longer."""
    with fresh_database(postgresql_server.url()) as name:
        migrate_coupons(postgresql_server.url(database=name))
        yield name


@pytest.fixture
def coupon_database_url(postgresql_server: PostgresqlServer, migrated_database: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    with fresh_database(postgresql_server.url(), migrated_database) as name:
        yield postgresql_server.url(database=name)


@pytest.fixture
def engine(coupon_database_url: str) -> Iterator[Engine]:
    engine = an_engine(coupon_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def patient_engine(coupon_database_url: str) -> Iterator[Engine]:
    """With more patience than any test needs, also on a busy machine: nothing ends by itself."""
    settings = ApiSettings(
        database_url=coupon_database_url,
        database_lock_timeout_ms=100_000,
        database_statement_timeout_ms=100_000,
        database_idle_in_transaction_timeout_ms=100_000,
    )
    engine = create_engine(settings, "coupon-service-tests")
    yield engine
    engine.dispose()


@pytest.fixture
def stop(engine: Engine) -> Iterator[StopSignal]:
    """Set when the test ends, before its engine is disposed of."""
    stop = StopSignal()
    yield stop
    stop.set()


@pytest.fixture
def client(engine: Engine, stop: StopSignal) -> FlaskClient:
    return build_application(engine, stop, max_waiting=2).test_client()
