"""The coupon service on a database of the test's own."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from coupon_service.migrations import SCRIPT_LOCATION
from coupon_service.wsgi import compose
from servicekit.db.migrations import upgrade
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.support import an_engine


@pytest.fixture
def coupon_database_url(database_url: str) -> str:
    """A database with the service's tables."""
    upgrade(database_url, "coupon-service", SCRIPT_LOCATION, {"outbox_relay_role": "outbox_relay"})
    return database_url


@pytest.fixture
def engine(coupon_database_url: str) -> Iterator[Engine]:
    engine = an_engine(coupon_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def stop() -> StopSignal:
    return StopSignal()


@pytest.fixture
def client(engine: Engine, stop: StopSignal) -> FlaskClient:
    return compose(engine, stop, max_waiting=2).test_client()
