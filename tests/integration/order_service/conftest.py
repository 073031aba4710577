from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tests.integration.order_service.shop import Shop, migrate, open_shop


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    """What was logged. Not rendered: structlog's default draws every exception with all its variables."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def order_database_url(database_url: str) -> str:
    """A migrated database of the test's own."""
    migrate(database_url)
    return database_url


@pytest.fixture
def shop(order_database_url: str) -> Iterator[Shop]:
    """A service of the test's own."""
    with open_shop(order_database_url) as shop:
        yield shop
