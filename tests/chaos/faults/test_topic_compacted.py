"""A broker compacts a topic of events, and the runbook is followed."""

from datetime import UTC, datetime, timedelta

import pytest

from coupon_service.domain.reconciling import DESCRIPTIONS, DifferenceKind
from tests.chaos.faults.conftest import Seen
from tests.support.controlled_stack import ControlledStack
from tests.support.prometheus import Prometheus
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
    stack: ControlledStack, shop: ShopClient, prometheus: Prometheus, seen: Seen
) -> None:
    """A topic is compacted while the worker is away."""
    seen.alerts = {"RequestsUndecided"}
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

    six_minutes_pass(stack)
    wait_until(lambda: "RequestsUndecided" in prometheus.firing(), "the alert", 120)

    since = datetime.now(UTC) - timedelta(days=1)
    compare, repair = commands("RequestsUndecided", since)
    differences = run(stack, compare, status=1)
    assert f"event_lost ({len(forgotten)}): " in differences
    assert set(forgotten[:20]) <= set(differences.split())
    assert "topic_records_gone" in differences
    see, set_options, rewind = commands("A topic was compacted", since)
    said = [run(stack, see), run(stack, set_options)]
    assert "WARNING topic coupon-publish-request: cleanup.policy is compact" in said[0]
    assert "SET topic coupon-publish-request: cleanup.policy is compact" in said[1]
    said.append(run(stack, repair, status=1))
    assert f"mended: {len(forgotten)} events sent again" in said[-1]

    statuses = {shop.decided(request, timeout_seconds=60)["status"] for request in requests}
    assert statuses == {"ISSUED"}
    wait_until(lambda: "RequestsUndecided" not in prometheus.firing(), "the alert to end", 60)
    # The gap itself stays until retention has removed what is before it.
    left = run(stack, compare, status=1).splitlines()
    assert [line.split()[0] for line in left if line.endswith(tuple(DESCRIPTIONS.values()))] == [
        DifferenceKind.TOPIC_RECORDS_GONE
    ]
    # It mends what other services lost, and changes nothing here.
    said.append(run(stack, rewind))
    seen.operators += [line for answer in said for line in answer.splitlines()]
    seen.data.append(f"{len(forgotten)} of {len(requests)} presses were forgotten, and decided afterwards")


def six_minutes_pass(stack: ControlledStack) -> None:
    """For the requests that wait. The worker measures them as it starts."""
    stack.administer(
        "coupon",
        "UPDATE coupon_request SET requested_at = requested_at - interval '6 minutes'"
        " WHERE status = 'ACCEPTED'",
    )
    stack.stop("coupon-worker")
    stack.start("coupon-worker")


def status(shop: ShopClient, request_id: str) -> str:
    return str(shop.get("coupon-api", f"/api/v1/coupon-requests/{request_id}").json()["status"])
