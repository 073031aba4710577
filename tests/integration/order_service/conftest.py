from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from devstack.postgresql import PostgresqlServer
from tests.integration.order_service.shop import Shop, migrate, open_shop
from tests.support.databases import fresh_database


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    """What was logged. Not rendered: structlog's default draws every exception with all its variables."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture(scope="session")
def migrated_database(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """The name of a database with the service's tables, to be copied: migrating takes far longer."""
    with fresh_database(postgresql_server.url()) as name:
        migrate(postgresql_server.url(database=name))
        yield name


@pytest.fixture
def order_database_url(postgresql_server: PostgresqlServer, migrated_database: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    with fresh_database(postgresql_server.url(), migrated_database) as name:
        yield postgresql_server.url(database=name)


@pytest.fixture
def shop(order_database_url: str) -> Iterator[Shop]:
    """A service of the test's own."""
    with open_shop(order_database_url) as shop:
        yield shop
