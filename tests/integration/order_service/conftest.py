from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from order_service.migrations import SCRIPT_LOCATION
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.migrations import upgrade
from tests.integration.order_service.shop import Shop
from tests.support.databases import RELAY_ROLE


@pytest.fixture
def order_database_url(database_url: str) -> str:
    """A migrated database of the test's own."""
    upgrade(database_url, SCRIPT_LOCATION, options={"outbox_relay_role": RELAY_ROLE})
    return database_url


@pytest.fixture
def engine(order_database_url: str) -> Iterator[Engine]:
    engine = create_engine(DatabaseSettings(database_url=order_database_url), "order-service-tests")
    yield engine
    engine.dispose()


@pytest.fixture
def shop(engine: Engine) -> Shop:
    return Shop(engine)
