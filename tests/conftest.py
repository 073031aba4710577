"""Real servers, started once a run by the tests that need them. A server that can't start is a failure."""

import uuid
from collections.abc import Iterator

import pytest

from devstack.kafka_broker import KafkaBroker
from devstack.postgresql import PostgresqlServer
from tests.support.databases import fresh_database, make_roles
from tests.support.topics import create_topics

TIERS = ("unit", "contract", "integration", "e2e", "chaos")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder is the tier is the marker."""
    for item in items:
        for tier in TIERS:
            if f"/tests/{tier}/" in item.path.as_posix():
                item.add_marker(tier)


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresqlServer]:
    """A PostgreSQL server with the relay's role, for everybody; don't stop it."""
    with PostgresqlServer(tmp_path_factory.mktemp("postgresql"), durable=False) as server:
        make_roles(server.url())
        yield server


@pytest.fixture
def database_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """An empty database of the test's own."""
    with fresh_database(postgresql_server.url()) as name:
        yield postgresql_server.url(database=name)


@pytest.fixture
def unique() -> str:
    """A word that no other test has, for names of topics and groups."""
    return uuid.uuid4().hex[:12]


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A Kafka broker for everybody; don't stop it."""
    with KafkaBroker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka_bootstrap_servers(kafka_broker: KafkaBroker) -> str:
    return kafka_broker.bootstrap_servers


@pytest.fixture
def topic(kafka_bootstrap_servers: str, unique: str) -> str:
    """A topic of the test's own with three partitions, and its dead-letter topic."""
    name = f"topic-{unique}"
    create_topics(kafka_bootstrap_servers, [name, f"{name}.dlt"])
    return name
