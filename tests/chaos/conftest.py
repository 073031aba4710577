"""A stack for processes to be killed in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.ports import Ports
from tests.support.controlled_stack import ControlledStack
from tests.support.external_services import ExternalServices
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases


@pytest.fixture(scope="session")
def stack_directory(server_directory: Path) -> Path:
    return server_directory / "chaos-stack"


@pytest.fixture(scope="session")
def _started_stack(stack_directory: Path) -> Iterator[ControlledStack]:
    stack = ControlledStack(stack_directory, ports=Ports.free())
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


@pytest.fixture
def stack(_started_stack: ControlledStack) -> ControlledStack:
    """The stack, whole again whatever the last test left of it."""
    _started_stack.up()
    return _started_stack


@pytest.fixture
def shop(stack: ControlledStack) -> Iterator[ShopClient]:
    client = ShopClient(stack.info())
    yield client
    client.close()


@pytest.fixture
def databases(stack: ControlledStack) -> StackDatabases:
    return StackDatabases(stack.info())


@pytest.fixture
def external_services(stack: ControlledStack) -> Iterator[ExternalServices]:
    services = ExternalServices(stack.info())
    yield services
    services.close()
