from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from devstack.postgresql import PostgresqlServer
from tests.integration.order_service.coupon_shop import CouponShop, open_coupon_shop
from tests.integration.order_service.shop import Shop, open_shop
from tests.support.databases import fresh_database
from tests.support.service_databases import migrate_coupons, migrate_orders


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    """What was logged. Not rendered: structlog's default draws every exception with all its variables."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture(scope="session")
def migrated_database(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """The name of a database with the service's tables, to be copied: migrating takes far longer."""
    with fresh_database(postgresql_server.url()) as name:
        migrate_orders(postgresql_server.url(database=name))
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


@pytest.fixture(scope="session")
def coupon_shop(postgresql_server: PostgresqlServer) -> Iterator[CouponShop]:
    """The coupon service that all tests share: each has coupons of its own."""
    with fresh_database(postgresql_server.url()) as name:
        url = postgresql_server.url(database=name)
        migrate_coupons(url)
        with open_coupon_shop(url) as coupon_shop:
            yield coupon_shop
