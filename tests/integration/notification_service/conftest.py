"""The service's database, and the sandbox as a real process."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine

from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.migrations import SCRIPT_LOCATION
from notification_service.persistence.unit_of_work import AcceptanceUnitOfWork
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.migrations import upgrade
from tests.integration.notification_service.world import World
from tests.support.processes import Sandbox


@pytest.fixture
def migrated_url(database_url: str) -> str:
    """A database with this service's tables."""
    upgrade(database_url, "notification-service", SCRIPT_LOCATION)
    return database_url


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    engine = create_engine(DatabaseSettings(database_url=migrated_url), "test")
    yield engine
    engine.dispose()


@pytest.fixture
def accept(engine: Engine) -> AcceptCompletedOrders:
    return AcceptCompletedOrders(partial(AcceptanceUnitOfWork, engine, "test-group"))


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
def world(
    engine: Engine, kafka_bootstrap_servers: str, topic: str, own_sandbox: Sandbox, tmp_path: Path
) -> Iterator[World]:
    with World(engine, kafka_bootstrap_servers, topic, own_sandbox, tmp_path) as world:
        yield world
