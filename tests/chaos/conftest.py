"""A stack for processes to be killed in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.embedded_stack import EmbeddedStack
from devstack.ports import Ports
from tests.support.outside_record import OutsideParties
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases


@pytest.fixture(scope="session")
def stack_directory(server_directory: Path) -> Path:
    return server_directory / "chaos-stack"


@pytest.fixture(scope="session")
def _started_stack(stack_directory: Path) -> Iterator[EmbeddedStack]:
    stack = EmbeddedStack(stack_directory, ports=Ports.free())
    stack.up()
    yield stack
    stack.down()


@pytest.fixture
def stack(_started_stack: EmbeddedStack) -> EmbeddedStack:
    """The stack, whole again whatever the last test left of it."""
    _started_stack.up()
    return _started_stack


@pytest.fixture
def shop(stack: EmbeddedStack) -> Iterator[ShopClient]:
    client = ShopClient(stack.info())
    yield client
    client.close()


@pytest.fixture
def databases(stack: EmbeddedStack) -> StackDatabases:
    return StackDatabases(stack.info())


@pytest.fixture
def outside(stack: EmbeddedStack) -> Iterator[OutsideParties]:
    parties = OutsideParties(stack.info())
    yield parties
    parties.close()
