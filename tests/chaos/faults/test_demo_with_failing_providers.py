"""The demo on a stack that sends alimtalk by two providers, which lose replies, and the first one fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.services import SHOP
from tests.support.controlled_stack import ControlledStack
from tests.support.demo import DemoProcess, assert_nothing_lost_or_doubled

ORDERS = 300
SENDERS = ("notification-api", *(f"notification-consumer-{number}" for number in (1, 2, 3)))


@pytest.fixture
def _two_providers(stack: ControlledStack, stack_directory: Path) -> Iterator[None]:
    """The same stack, but for the settings of the processes of notification-service."""
    with_two = ControlledStack(stack_directory, deployment=SHOP.through_solapi_and_nhn())
    for name in SENDERS:
        stack.stop(name)
    with_two.up()
    yield
    # The next test starts them with their own settings.
    for name in SENDERS:
        stack.stop(name)


@pytest.mark.long
@pytest.mark.usefixtures("ended_stack", "_two_providers")
def test_demo_adds_up_while_the_first_of_two_providers_fails(
    stack: ControlledStack, stack_directory: Path, tmp_path: Path
) -> None:
    with DemoProcess(stack_directory, tmp_path, seed=71, users=50, stock=20, limit=ORDERS) as demo:
        summary = demo.finish()
    assert_nothing_lost_or_doubled(summary)
    alimtalk = summary["orders"]["alimtalk"]
    assert alimtalk["byProvider"].keys() == {"solapi", "nhn"}
    assert sum(alimtalk["byProvider"].values()) == alimtalk["delivered"] == ORDERS
    assert alimtalk["byWebhook"] + alimtalk["byQuery"] == ORDERS
    assert alimtalk["byWebhook"] > 0
    assert alimtalk["repliesLost"] >= 3
    assert summary["logErrors"] == 0
    print(alimtalk)  # noqa: T201 - the figures
