"""The service's database and topic, and the sandbox as a real process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from devstack.postgresql import PostgresqlServer
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.domain.order_event import OrderEvent
from notification_service.migrations import SCHEMA
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.migrations import upgrade
from tests.integration.notification_service.consumer_deployment import (
    ConsumerDeployment,
    skip_former_records,
)
from tests.integration.notification_service.effect_work import transactions
from tests.support.databases import fresh_database
from tests.support.notification_builders import a_completed_order
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="session")
def migrated_database(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """The name of a database with the service's tables, to be copied: migrating takes far longer."""
    with fresh_database(postgresql_server.url()) as name:
        upgrade(postgresql_server.url(database=name), SCHEMA)
        yield name


@pytest.fixture
def migrated_url(postgresql_server: PostgresqlServer, migrated_database: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    with fresh_database(postgresql_server.url(), migrated_database) as name:
        yield postgresql_server.url(database=name)


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    engine = create_engine(DatabaseSettings(database_url=migrated_url), "notification-service-tests")
    yield engine
    engine.dispose()


@pytest.fixture
def accept_order_events(engine: Engine) -> AcceptOrderEvents:
    return AcceptOrderEvents(transactions(engine))


@pytest.fixture
def orders(accept_order_events: AcceptOrderEvents) -> list[OrderEvent]:
    """Six orders whose deliveries are due."""
    orders = [a_completed_order() for _ in range(6)]
    accept_order_events(orders)
    return orders


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """A sandbox without faults and records; don't stop it."""
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox that may be killed, and that no late call of another test reaches."""
    with Sandbox(tmp_path) as running:
        yield running


@pytest.fixture
def order_completed(shop_topics: str) -> str:
    """The servers of a broker on which the consumer groups have read everything that came before."""
    skip_former_records(shop_topics)
    return shop_topics


@pytest.fixture
def deployment(
    engine: Engine, order_completed: str, own_sandbox: Sandbox, tmp_path: Path
) -> Iterator[ConsumerDeployment]:
    with ConsumerDeployment(engine, order_completed, own_sandbox, tmp_path) as deployment:
        yield deployment
