"""Real servers, started once a run by the tests that need them. A server that can't start is a failure."""

import os
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import structlog
from hypothesis import settings

from devstack.kafka_broker import KafkaBroker
from devstack.postgresql import PostgresqlServer
from devstack.repository import TOPICS_FILE
from tests.support.databases import fresh_database, make_roles
from tests.support.servers import a_kafka_broker, a_postgresql_server
from tests.support.topics import create_topics

# One of several minutes, and those that take more than one.
LONG_FILES = {
    "test_protocol.py", "test_kafka_faults.py", "test_dead_letters_commands.py", "test_debezium.py",
    "test_recovery.py", "test_postgresql_faults.py",
}  # fmt: skip
TIERS = ("unit", "contract", "integration", "e2e", "chaos", "operations", "kubernetes")

# Brokers live too short for the second compiler, which costs them half of their start.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")

# How long an example takes says how busy the machine is.
settings.register_profile("without a clock", settings.default, deadline=None)
settings.load_profile("without a clock")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder is the tier is the marker. Long files come first, lest one worker ends alone with one."""
    for item in items:
        for tier in TIERS:
            if f"/tests/{tier}/" in item.path.as_posix():
                item.add_marker(tier)
    items.sort(key=lambda item: (item.path.name not in LONG_FILES, "/tests/unit/" in item.path.as_posix()))


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    """By default structlog draws every traceback with all its variables, which takes seconds."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    )


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Path]:
    """Where servers keep their data.

    Not among pytest's own directories: a server may run as another user, and pytest shuts those out of all of
    its directories whenever a second run begins.
    """
    with TemporaryDirectory(prefix="shop-tests-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def postgresql_server(server_directory: Path) -> Iterator[PostgresqlServer]:
    """A PostgreSQL server with the relay's role, for everybody; don't stop it."""
    with a_postgresql_server(server_directory / "postgresql") as server:
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
def kafka_broker(server_directory: Path) -> Iterator[KafkaBroker]:
    """A Kafka broker for everybody; don't stop it."""
    with a_kafka_broker(server_directory / "kafka") as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka_bootstrap_servers(kafka_broker: KafkaBroker) -> str:
    return kafka_broker.bootstrap_servers


@pytest.fixture(scope="session")
def shop_topics(kafka_bootstrap_servers: str) -> str:
    """The servers of a broker with the topics whose names are fixed, for the tests of all services."""
    create_topics(kafka_bootstrap_servers, tomllib.loads(TOPICS_FILE.read_text())["topics"])
    return kafka_bootstrap_servers


@pytest.fixture
def topic(kafka_bootstrap_servers: str, unique: str) -> str:
    """A topic of the test's own with three partitions, and its dead-letter topic."""
    name = f"topic-{unique}"
    create_topics(kafka_bootstrap_servers, [name, f"{name}.dlt"])
    return name
