"""One whole stack for all end-to-end tests: every service a process, as in production."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.ports import Ports
from devstack.stacks import EmbeddedStack
from tests.support.shop import ShopClient


@pytest.fixture(scope="session")
def stack_directory(server_directory: Path) -> Path:
    return server_directory / "stack"


@pytest.fixture(scope="session")
def stack(stack_directory: Path) -> Iterator[EmbeddedStack]:
    stack = EmbeddedStack(stack_directory, ports=Ports.free(), durable=False)
    stack.up()
    yield stack
    stack.down()


@pytest.fixture
def shop(stack: EmbeddedStack) -> Iterator[ShopClient]:
    client = ShopClient(stack.info())
    yield client
    client.close()
