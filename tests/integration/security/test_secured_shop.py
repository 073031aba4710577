"""The whole shop on servers that speak TLS only: configured by its environment, it does its work."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from devstack.ports import Ports
from tests.integration.security.servers import SecuredServers, assert_no_secret, talkative
from tests.support.controlled_stack import ControlledExternalStack
from tests.support.shop import ShopClient
from tests.support.waiting import wait_until

# The processes that are clients of one server at least; the external services are none.
OURS = (
    "coupon-api", "coupon-worker", "order-api", "order-worker", "outbox-relay", "notification-api",
    "notification-consumer-1", "notification-consumer-2", "notification-consumer-3",
)  # fmt: skip


@pytest.fixture(scope="module")
def stack(secured: SecuredServers, server_directory: Path) -> Iterator[ControlledExternalStack]:
    stack = ControlledExternalStack(
        server_directory / "secured-stack", secured.external, Ports.free(), deployment=talkative()
    )
    stack.up()
    yield stack
    stack.clean()


@pytest.fixture
def shop(stack: ControlledExternalStack) -> Iterator[ShopClient]:
    with closing(ShopClient(stack.info())) as client:
        yield client


def test_a_request_is_decided_and_an_order_is_delivered(shop: ShopClient) -> None:
    coupon_id = shop.create_coupon(totalQuantity=1)
    assert shop.decided(shop.press(1, coupon_id))["status"] == "ISSUED"
    assert shop.refusal(2, coupon_id) == "SOLD_OUT"

    order_id = shop.place_order()
    assert shop.pay(order_id).json()["status"] == "APPROVED"
    assert set(shop.effects(order_id)) == {"alimtalk", "analytics", "monitoring"}


def test_a_dead_letter_is_written(stack: ControlledExternalStack, secured: SecuredServers) -> None:
    with closing(KafkaProducer(**secured.cluster.client_options)) as producer:
        producer.send("order-completed", b"no event", partition=0).get(timeout=30)

    options = {**secured.cluster.client_options, "enable_auto_commit": False}
    with closing(KafkaConsumer(**options)) as consumer:
        partitions = [TopicPartition("order-completed.dlt", number) for number in range(3)]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        values = wait_until(
            lambda: [
                record.value for records in consumer.poll(timeout_ms=200).values() for record in records
            ],
            "a dead letter",
        )
    assert values == [b"no event"]


def test_every_connection_to_the_databases_is_encrypted(
    stack: ControlledExternalStack, secured: SecuredServers
) -> None:
    with closing(psycopg2.connect(secured.postgresql.url())) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_name, bool_and(ssl) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)"
            " WHERE datname IN ('coupon', 'order', 'notification') GROUP BY 1"
        )
        encrypted = dict(cursor.fetchall())
    assert {"coupon-worker", "outbox-relay", "notification-consumer"} <= encrypted.keys()
    assert all(encrypted.values()), encrypted


def test_everything_is_ready_stops_well_and_logs_no_secret(stack: ControlledExternalStack) -> None:
    ready = {status.name: status.state for status in stack.status()}
    assert {name: ready[name] for name in OURS} == dict.fromkeys(OURS, "ready")

    assert {name: stack.stop(name) for name in OURS} == dict.fromkeys(OURS, 0)

    logs = {path.name: path.read_text() for path in stack.collect_logs().glob("*.log")}
    assert {f"{name}.log" for name in OURS} <= logs.keys()
    for log in logs.values():
        assert_no_secret(log)
