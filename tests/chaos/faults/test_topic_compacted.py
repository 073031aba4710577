"""A broker compacts a topic of events, and the runbook is followed."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos.faults.conftest import Seen
from tests.support.controlled_stack import ControlledStack
from tests.support.relay.topic_options import set_topic_option
from tests.support.runbook import commands, run
from tests.support.shop import ShopClient
from tests.support.topics import read_topic
from tests.support.waiting import wait_until

TOPIC = "coupon-publish-request"
READ_SECONDS = 3.0
# A broker's cleaner looks every 15 s.
OPTIONS = {"segment.ms": "1000", "min.cleanable.dirty.ratio": "0.001", "cleanup.policy": "compact"}


@pytest.mark.long
@pytest.mark.usefixtures("ended_stack")
def test_presses_that_compaction_removed_are_decided_after_the_runbook(
    stack: ControlledStack, shop: ShopClient, seen: Seen
) -> None:
    """A topic is compacted while the worker is away."""
    seen.too_brief = {"ProcessUnreachable", "ConsumerLagging"}
    servers = stack.info().kafka.bootstrap_servers
    stack.stop("coupon-worker")
    for name, value in OPTIONS.items():
        set_topic_option(servers, TOPIC, name, value)
    coupon_id = shop.create_coupon(totalQuantity=1_000)
    requests: list[str] = []

    def is_compacted() -> bool:
        # A segment ends with the next record, and only ended ones are compacted.
        requests.extend(shop.press(len(requests) + 1, coupon_id) for _ in range(5))
        kept = read_topic(servers, TOPIC, lambda _: False, READ_SECONDS)
        left = [record for record in kept if record.key == str(coupon_id).encode()]
        return len(left) < len(requests) - 5

    wait_until(is_compacted, "the topic to be compacted", 120)
    stack.start("coupon-worker")
    shop.decided(requests[-1])
    forgotten = [request for request in requests if status(shop, request) == "ACCEPTED"]
    assert forgotten

    since = datetime.now(UTC) - timedelta(days=1)
    said = [run(stack, command) for command in commands("A topic was compacted", since)]
    assert "WARNING topic coupon-publish-request: cleanup.policy is compact" in said[0]
    assert "SET topic coupon-publish-request: cleanup.policy is compact" in said[1]
    statuses = {shop.decided(request, timeout_seconds=60)["status"] for request in requests}

    assert statuses == {"ISSUED"}
    seen.operators += [line for answer in said for line in answer.splitlines()]
    seen.data.append(f"{len(forgotten)} of {len(requests)} presses were forgotten, and decided afterwards")


def status(shop: ShopClient, request_id: str) -> str:
    return str(shop.get("coupon-api", f"/api/v1/coupon-requests/{request_id}").json()["status"])
