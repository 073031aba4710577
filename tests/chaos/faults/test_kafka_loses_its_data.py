"""Kafka's disk is lost, and the runbook is followed."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos.faults.conftest import Seen
from tests.support.controlled_stack import ControlledStack
from tests.support.log_tail import LogTail
from tests.support.prometheus import Prometheus
from tests.support.runbook import commands, run
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases
from tests.support.waiting import wait_until

PRESSES = 20


@pytest.mark.long
@pytest.mark.usefixtures("ended_stack")
def test_presses_that_kafka_lost_are_decided_after_the_runbook(
    stack: ControlledStack, shop: ShopClient, databases: StackDatabases, prometheus: Prometheus, seen: Seen
) -> None:
    """Kafka loses its data after presses were published and before the worker read them."""
    seen.alerts = {"KafkaTopicsMadeAnew", "ConsumerOffsetSurprise"}
    # The worker is stopped, and Kafka is away.
    seen.too_brief = {"ProcessUnreachable", "RelayFailing", "ConsumerLagging", "OutboxLagging"}
    log = LogTail(stack.collect_logs() / "coupon-worker.log")
    coupon_id = shop.create_coupon(totalQuantity=PRESSES + 1)
    assert shop.decided(shop.press(1_000, coupon_id))["status"] == "ISSUED"
    stack.stop("coupon-worker")
    requests = [shop.press(user_id, coupon_id) for user_id in range(1, PRESSES + 1)]
    wait_until(lambda: databases.unpublished("coupon") == 0, "the presses to be published")

    stack.lose_kafka()
    stack.start("coupon-worker", until_ready=False)
    since = datetime.now(UTC) - timedelta(days=1)
    make_topics, count, rewind = commands("Kafka lost its data", since)
    run(stack, make_topics)
    wait_until(lambda: "made anew" in shop.get("outbox-relay", "/readyz").text, "the relay to say so", 60)
    wait_until(lambda: "KafkaTopicsMadeAnew" in prometheus.firing(), "the alert", 30)
    replies = [shop.get("coupon-api", f"/api/v1/coupon-requests/{request}") for request in requests]
    assert {reply.json()["status"] for reply in replies} == {"ACCEPTED"}

    counted = run(stack, count)
    assert "events would be published" in counted
    seen.operators += [*counted.splitlines(), *run(stack, rewind).splitlines()]
    decided = [shop.decided(request, timeout_seconds=60) for request in requests]

    assert [request["decisionNumber"] for request in decided] == list(range(2, PRESSES + 2))
    seen.data.append("all presses decided once and in order")
    wait_until(lambda: shop.get("outbox-relay", "/readyz").status_code == 200, "the relay to be ready", 30)
    wait_until(lambda: "KafkaTopicsMadeAnew" not in prometheus.firing(), "the alert to end", 30)
    assert "topic_made_anew" in shop.get("coupon-worker", "/readyz").text
    assert {entry["reason"] for entry in log.events("offset_surprise")} == {"topic_made_anew"}
