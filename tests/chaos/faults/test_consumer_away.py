"""A consumer is away for longer than Kafka keeps records, and the runbook is followed."""

from datetime import UTC, datetime, timedelta

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from tests.chaos.faults.conftest import Seen
from tests.support.controlled_stack import ControlledStack
from tests.support.log_tail import LogTail
from tests.support.runbook import commands, run
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases
from tests.support.topics import PARTITIONS
from tests.support.waiting import wait_until

TOPIC = "coupon-publish-request"
PRESSES = 10


@pytest.mark.long
@pytest.mark.usefixtures("ended_stack")
def test_presses_that_retention_removed_are_decided_after_the_runbook(
    stack: ControlledStack, shop: ShopClient, databases: StackDatabases, seen: Seen
) -> None:
    """Retention removes presses that the worker has not read."""
    seen.alerts = {"ConsumerOffsetSurprise"}
    seen.too_brief = {"ProcessUnreachable"}
    log = LogTail(stack.collect_logs() / "coupon-worker.log")
    coupon_id = shop.create_coupon(totalQuantity=PRESSES + 1)
    assert shop.decided(shop.press(1_000, coupon_id))["status"] == "ISSUED"
    stack.stop("coupon-worker")
    requests = [shop.press(user_id, coupon_id) for user_id in range(1, PRESSES + 1)]
    wait_until(lambda: databases.unpublished("coupon") == 0, "the presses to be published")
    remove_all_records(stack.info().kafka.bootstrap_servers)
    stack.start("coupon-worker", until_ready=False)
    wait_until(
        lambda: "records_gone" in shop.get("coupon-worker", "/readyz").text, "the worker to say so", 60
    )

    since = datetime.now(UTC) - timedelta(days=1)
    page = "A consumer was away for longer than retention"
    said = [run(stack, command) for command in commands(page, since)]
    decided = [shop.decided(request, timeout_seconds=60) for request in requests]

    assert [request["decisionNumber"] for request in decided] == list(range(2, PRESSES + 2))
    assert {entry["reason"] for entry in log.events("offset_surprise")} == {"records_gone"}
    seen.operators += ["offset_surprise: records_gone, also in /readyz", *said]
    seen.data.append("all presses decided once and in order")


def remove_all_records(servers: str) -> None:
    """As retention does."""
    partitions = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        admin.delete_records(dict.fromkeys(partitions, -1))
    finally:
        admin.close()
