"""One stack of containers for all tests of how it is operated."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chosen_stack import chosen_stack
from tests.support.external_services import ExternalServices
from tests.support.operated_stack import OperatedStack
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases


@pytest.fixture(scope="session")
def stack_directory(server_directory: Path) -> Path:
    return server_directory / "stack"


@pytest.fixture(scope="session")
def stack(stack_directory: Path) -> Iterator[OperatedStack]:
    stack = chosen_stack(stack_directory)
    assert isinstance(stack, OperatedStack), "only containers are operated: run `make operations`"
    try:
        stack.up()
        yield stack
    finally:
        stack.clean()


@pytest.fixture
def shop(stack: OperatedStack) -> Iterator[ShopClient]:
    client = ShopClient(stack.info())
    yield client
    client.close()


@pytest.fixture
def databases(stack: OperatedStack) -> StackDatabases:
    return StackDatabases(stack.info())


@pytest.fixture
def external_services(stack: OperatedStack) -> Iterator[ExternalServices]:
    services = ExternalServices(stack.info())
    yield services
    services.close()
