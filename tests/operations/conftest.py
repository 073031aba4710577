"""One stack of containers for all tests of how it is operated."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.compose_stack import ComposeStack
from tests.support.chosen_stack import chosen_stack
from tests.support.outside_record import OutsideParties
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases


@pytest.fixture(scope="session")
def stack_directory(server_directory: Path) -> Path:
    return server_directory / "stack"


@pytest.fixture(scope="session")
def stack(stack_directory: Path) -> Iterator[ComposeStack]:
    stack = chosen_stack(stack_directory)
    assert isinstance(stack, ComposeStack), "only containers are operated: run `make operations`"
    try:
        stack.up()
        yield stack
    finally:
        stack.clean()


@pytest.fixture
def shop(stack: ComposeStack) -> Iterator[ShopClient]:
    client = ShopClient(stack.info())
    yield client
    client.close()


@pytest.fixture
def databases(stack: ComposeStack) -> StackDatabases:
    return StackDatabases(stack.info())


@pytest.fixture
def outside(stack: ComposeStack) -> Iterator[OutsideParties]:
    parties = OutsideParties(stack.info())
    yield parties
    parties.close()
