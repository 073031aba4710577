"""An outbox, and a relay that is stepped by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.postgresql import PostgresqlServer
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.stepping_relay import SteppingRelay, a_stepping_relay
from tests.support.servers import a_postgresql_server


@pytest.fixture
def outbox(database_url: str, topic: str) -> Iterator[Outbox]:
    """An empty outbox whose events go to the test's topic."""
    with an_outbox(database_url, topic) as outbox:
        yield outbox


@pytest.fixture
def own_postgresql(server_directory: Path, unique: str) -> PostgresqlServer:
    """A server that the test may stop."""
    return a_postgresql_server(server_directory / f"own-{unique}")


@pytest.fixture
def relay(outbox: Outbox, kafka_bootstrap_servers: str) -> Iterator[SteppingRelay]:
    """The leader of that outbox."""
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as relay:
        yield relay
