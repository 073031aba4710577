"""One whole stack for all end-to-end tests: every service a process, as in production."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.abstract_stack import Stack
from tests.support.chosen_stack import chosen_stack
from tests.support.shop import ShopClient


@pytest.fixture(scope="session")
def stack_directory(server_directory: Path) -> Path:
    return server_directory / "stack"


@pytest.fixture(scope="session")
def stack(stack_directory: Path) -> Iterator[Stack]:
    """The stack of processes, or that of containers if STACK=compose says so."""
    stack = chosen_stack(stack_directory)
    try:
        stack.up()
        yield stack
    finally:
        stack.clean()


@pytest.fixture
def shop(stack: Stack) -> Iterator[ShopClient]:
    client = ShopClient(stack.info())
    yield client
    client.close()
