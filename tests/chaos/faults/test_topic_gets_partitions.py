"""Partitions are added to a topic in use, as the runbook says."""

from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient

from devstack.repository import TOPICS_FILE
from tests.chaos.faults.conftest import Seen
from tests.support.controlled_stack import ControlledStack
from tests.support.runbook import says
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases
from tests.support.waiting import wait_until

TOPIC = "coupon-publish-request"
COUPONS = 8
PRESSES = 10


@pytest.mark.long
@pytest.mark.usefixtures("ended_stack")
def test_partitions_added_by_the_runbook_keep_every_coupons_order(
    stack: ControlledStack, shop: ShopClient, databases: StackDatabases, tmp_path: Path, seen: Seen
) -> None:
    """A topic gets more partitions while presses go on."""
    seen.too_brief = {"ProcessUnreachable", "OutboxWithoutLeader"}
    steps = "stop the relays, wait for lag 0 on every partition, add them, declare them, start the relays"
    assert says("A topic has more partitions than declared", steps)
    coupons = [shop.create_coupon(totalQuantity=2 * PRESSES) for _ in range(COUPONS)]
    requests = {coupon: press(shop, coupon, 1) for coupon in coupons}

    stack.stop("outbox-relay")
    waiting = {coupon: press(shop, coupon, 1 + PRESSES) for coupon in coupons}
    wait_until(lambda: databases.to_decide() == 0 and lag(shop) == 0, "lag 0", 60)
    add_partitions(stack.info().kafka.bootstrap_servers, 6)
    assert f"WARNING topic {TOPIC}" in topics(stack, TOPICS_FILE)
    declared = tmp_path / "topics.toml"
    of_topic = f"[topics.{TOPIC}]\npartitions = "
    declared.write_text(TOPICS_FILE.read_text().replace(f"{of_topic}3", f"{of_topic}6"))
    assert topics(stack, declared) == ""
    stack.start("outbox-relay")
    for coupon in coupons:
        requests[coupon] += waiting[coupon]
        decided = [shop.decided(request, timeout_seconds=90) for request in requests[coupon]]
        assert [request["decisionNumber"] for request in decided] == list(range(1, 2 * PRESSES + 1))

    seen.operators.append("`topics` warns until the new number is declared")
    seen.data.append(f"presses of {COUPONS} coupons decided in order")


def press(shop: ShopClient, coupon_id: int, first_user: int) -> list[str]:
    return [shop.press(user_id, coupon_id) for user_id in range(first_user, first_user + PRESSES)]


def lag(shop: ShopClient) -> float:
    """Of the worker, over all partitions."""
    lines = shop.get("coupon-worker", "/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("consumer_lag{"))


def topics(stack: ControlledStack, file: Path) -> str:
    return stack.execute("outbox-relay", ["outbox-relay", "topics", str(file)])


def add_partitions(servers: str, count: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        admin.create_partitions({TOPIC: count})
    finally:
        admin.close()
