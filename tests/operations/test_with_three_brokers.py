"""Three brokers, of which any one may be gone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient

from tests.support.chosen_stack import three_brokers_stack
from tests.support.external_services import ExternalServices
from tests.support.operated_stack import OperatedStack
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases
from tests.support.stack_under_load import under_load
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(900)
BROKERS = [1, 2, 3]
TOPICS = tuple(
    f"{topic}{suffix}"
    for topic in ("coupon-publish-request", "order-completed", "order-cancelled")
    for suffix in ("", ".dlt")
)


@pytest.fixture(scope="module")
def stack_directory(server_directory: Path) -> Path:
    return server_directory / "three-brokers"


@pytest.fixture(scope="module")
def stack(stack_directory: Path) -> Iterator[OperatedStack]:
    stack = three_brokers_stack(stack_directory)
    stack.up()
    yield stack
    stack.clean()


def partitions(stack: OperatedStack) -> list[dict[str, Any]]:
    """Of our topics, as the cluster describes them."""
    admin = KafkaAdminClient(bootstrap_servers=stack.info().kafka.bootstrap_servers)
    try:
        return [partition for topic in admin.describe_topics(TOPICS) for partition in topic["partitions"]]
    finally:
        admin.close()


def every_copy_is_there(stack: OperatedStack) -> bool:
    return all(sorted(partition["isr_nodes"]) == BROKERS for partition in partitions(stack))


def test_killed_broker_is_not_seen_by_clients_and_all_arrives_without_it(
    stack: OperatedStack, stack_directory: Path, shop: ShopClient, databases: StackDatabases,
    external_services: ExternalServices, tmp_path: Path,
) -> None:  # fmt: skip
    assert len(partitions(stack)) == 3 * len(TOPICS)
    assert every_copy_is_there(stack)
    assert 2 in {partition["leader_id"] for partition in partitions(stack)}
    with under_load(shop, databases, external_services, stack_directory, tmp_path) as load:
        assert stack.kill("kafka-2")
    assert load.server_errors == []
    assert load.unreachable == []
    assert 2 not in {partition["leader_id"] for partition in partitions(stack)}
    stack.start("kafka-2")
    wait_until(lambda: every_copy_is_there(stack), "the broker to have caught up", 60)
