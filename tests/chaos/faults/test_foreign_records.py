"""Records that nobody's relay has written: by hand, by another team, by an attacker."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kafka.admin import KafkaAdminClient
from kafka.errors import UnknownTopicOrPartitionError

from tests.chaos.faults.conftest import Seen
from tests.support.controlled_stack import ControlledStack
from tests.support.prometheus import Prometheus
from tests.support.relay.topic_options import set_topic_option
from tests.support.shop import ShopClient
from tests.support.topics import create_topics, produce, read_topic
from tests.support.waiting import wait_until

TOPIC = "coupon-publish-request"
LARGEST_KEY = 1_048_450


@contextmanager
def without_topic(bootstrap_servers: str, topic: str) -> Iterator[None]:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        admin.delete_topics([topic])
        wait_until(lambda: _is_gone(admin, topic), f"{topic} to be gone")
        yield
    finally:
        admin.close()
        create_topics(bootstrap_servers, [topic])


def _is_gone(admin: KafkaAdminClient, topic: str) -> bool:
    (entry,) = admin.describe_topics([topic])
    return bool(entry["error_code"] == UnknownTopicOrPartitionError.errno)


def pids(stack: ControlledStack) -> dict[str, int | None]:
    return {name: service.pid for name, service in stack.info().services.items()}


@pytest.mark.long
@pytest.mark.usefixtures("ended_stack")
def test_one_bad_record_stops_no_other_partition_and_shows(
    stack: ControlledStack, shop: ShopClient, prometheus: Prometheus, seen: Seen
) -> None:
    """A record that is not JSON, while its dead-letter topic is missing."""
    seen.alerts = {"ConsumerStuck", "DeadLettersWritten"}
    before = pids(stack)
    servers = stack.info().kafka.bootstrap_servers
    coupons = [shop.create_coupon() for _ in range(12)]
    with without_topic(servers, f"{TOPIC}.dlt"):
        produce(servers, TOPIC, [(b"1", b"nonsense")], partition=0)
        requests = [shop.press(1, coupon_id) for coupon_id in coupons]

        def decided() -> int:
            replies = (shop.get("coupon-api", f"/api/v1/coupon-requests/{request}") for request in requests)
            return sum(reply.json()["status"] == "ISSUED" for reply in replies)

        wait_until(lambda: decided() >= 4, "coupons of the other partitions to be decided", 60)
        unready = wait_until(
            lambda: reply if (reply := shop.get("coupon-worker", "/readyz")).status_code == 503 else None,
            "the worker to say that it is stuck",
            120,
        )
        wait_until(lambda: "ConsumerStuck" in prometheus.true_conditions(), "the alert's condition", 30)
    seen.operators.append(str(unready.json()["checks"]))
    assert f"{TOPIC}" in unready.text
    wait_until(lambda: decided() == len(coupons), "all coupons to be decided", 120)
    wait_until(lambda: shop.get("coupon-worker", "/readyz").status_code == 200, "the worker to be ready", 60)
    assert pids(stack) == before


@pytest.mark.usefixtures("ended_stack")
def test_record_that_fits_no_dead_letter_is_set_aside_with_its_origin(
    stack: ControlledStack, shop: ShopClient, seen: Seen
) -> None:
    """A record whose key alone fills the largest record."""
    seen.alerts = {"DeadLettersWritten"}
    servers = stack.info().kafka.bootstrap_servers
    produce(servers, TOPIC, [(b"k" * LARGEST_KEY, b"")], partition=1)

    def is_large(records: object) -> bool:
        return any(dict(record.headers).get("dlt-partition") == b"1" for record in records)  # type: ignore[attr-defined]

    letters = read_topic(servers, f"{TOPIC}.dlt", is_large, 60)
    letter = next(record for record in letters if dict(record.headers).get("dlt-partition") == b"1")
    seen.data.append(str({name: value for name, value in letter.headers if name.startswith("dlt-")})[:300])
    coupons = [shop.create_coupon() for _ in range(6)]
    requests = [shop.press(1, coupon_id) for coupon_id in coupons]
    assert {shop.decided(request)["status"] for request in requests} == {"ISSUED"}


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_topic_is_read(stack: ControlledStack, shop: ShopClient, seen: Seen, codec: str) -> None:
    """The topic is compressed by its broker."""
    before = pids(stack)
    set_topic_option(stack.info().kafka.bootstrap_servers, TOPIC, "compression.type", codec)
    try:
        coupon_id = shop.create_coupon(totalQuantity=1)
        assert shop.decided(shop.press(1, coupon_id))["status"] == "ISSUED"
    finally:
        set_topic_option(stack.info().kafka.bootstrap_servers, TOPIC, "compression.type", "producer")
    seen.fault = f"compression.type={codec} on the topic"
    seen.clients.append("the press is decided")
    assert pids(stack) == before
