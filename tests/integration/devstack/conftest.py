from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.external_stack import ExternalServers
from devstack.kafka_broker import KafkaBroker
from devstack.ports import Ports
from devstack.postgresql import PostgresqlServer
from devstack.services import Deployment
from tests.integration.devstack.builders import a_deployment
from tests.support.controlled_stack import ControlledExternalStack
from tests.support.servers import a_kafka_broker

StackMaker = Callable[..., ControlledExternalStack]


@pytest.fixture
def directory(server_directory: Path, unique: str) -> Path:
    """A directory of the test's own that a server running as another user keeps reaching."""
    return server_directory / unique


@pytest.fixture(scope="session")
def shops_kafka(server_directory: Path) -> Iterator[KafkaBroker]:
    """A broker on which stacks make the shop's own topics, which other tests want to make themselves."""
    with a_kafka_broker(server_directory / "shops-kafka") as broker:
        yield broker


@pytest.fixture
def make_stack(
    tmp_path: Path, postgresql_server: PostgresqlServer, shops_kafka: KafkaBroker
) -> Iterator[StackMaker]:
    """Makes stacks of one directory on the tests' servers; what still runs in the end is stopped."""
    servers = ExternalServers(
        postgresql_url=postgresql_server.url(), bootstrap_servers=shops_kafka.bootstrap_servers
    )
    ports = Ports.free()
    made: list[ControlledExternalStack] = []

    def make(deployment: Deployment | None = None, ports: Ports | None = ports) -> ControlledExternalStack:
        made.append(
            ControlledExternalStack(tmp_path, servers, ports, deployment=deployment or a_deployment())
        )
        return made[-1]

    yield make
    for stack in made:
        stack.down()


@pytest.fixture
def stack(make_stack: StackMaker) -> ControlledExternalStack:
    """A stack of two stand-ins that isn't up yet."""
    return make_stack()
