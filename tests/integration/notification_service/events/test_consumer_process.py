"""Real consumer processes on real Kafka and PostgreSQL: every effect once, whatever happens to them."""

import json
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from kafka.consumer.fetcher import ConsumerRecord
from sqlalchemy import text

from devstack.free_ports import find_free_ports
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP, ORDER_COMPLETED
from notification_service.migrations import SCHEMA
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.migrations import upgrade
from tests.integration.notification_service.consumer_deployment import (
    EFFECTS,
    ConsumerDeployment,
    freeze_holding_claims,
    stop_gracefully,
)
from tests.support.notification_events import an_event, encoded
from tests.support.sandbox import Sandbox
from tests.support.servers import a_postgresql_server
from tests.support.topics import committed_offset, produce, read_topic
from tests.support.waiting import wait_until

TOPIC = ORDER_COMPLETED.topic


def test_messages_that_come_twice_to_two_consumers_have_each_effect_once(
    deployment: ConsumerDeployment,
) -> None:
    consumers = [deployment.start_consumer(), deployment.start_consumer()]
    events = [an_event(totalAmount=number) for number in range(60)]

    # The same events in two partitions, which are (or become) different consumers'.
    deployment.produce([*events, *events], partition=0)
    deployment.produce(events[::-1], partition=1)
    deployment.produce(events, partition=2)

    for effect in EFFECTS:
        deployment.wait_for(effect, delivered=60)
    deployment.assert_each_once(events)
    for consumer in consumers:
        stop_gracefully(consumer)


def test_a_running_consumer_removes_what_is_old(deployment: ConsumerDeployment) -> None:
    with deployment.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO inbox (consumer_group, event_id, received_at)"
                " VALUES ('former', gen_random_uuid(), clock_timestamp() - interval '31 days')"
            )
        )
    deployment.start_consumer()

    def events() -> int:
        with deployment.engine.connect() as connection:
            return int(
                connection.execute(
                    text("SELECT count(*) FROM inbox WHERE consumer_group = 'former'")
                ).scalar_one()
            )

    wait_until(lambda: events() == 0, "the old event to be removed")


def test_a_provider_that_is_down_delays_only_its_own_effect(deployment: ConsumerDeployment) -> None:
    deployment.sandbox.control(alimtalk={"failNext": 1_000_000, "latencyMs": 200})
    consumer = deployment.start_consumer()
    events = [an_event() for _ in range(40)]

    deployment.produce(events)
    deployment.wait_for("ANALYTICS", delivered=40)
    deployment.wait_for("MONITORING", delivered=40)
    assert deployment.statuses("ALIMTALK")["DELIVERED"] == 0
    assert deployment.sandbox.references() == []

    deployment.sandbox.control(alimtalk={})
    deployment.wait_for("ALIMTALK", delivered=40)
    deployment.assert_each_once(events)
    stop_gracefully(consumer)


def test_a_refused_time_zone_stops_only_analytics(deployment: ConsumerDeployment) -> None:
    with deployment.engine.begin() as connection:
        connection.execute(text("INSERT INTO sales_daily VALUES ('2026-11-23', 'KRW', 1, 1, 1)"))
    consumer = deployment.start_consumer(SHOP_TIME_ZONE="Asia/Tokyo")

    deployment.produce([an_event() for _ in range(3)])
    for effect in ("ALIMTALK", "MONITORING"):
        deployment.wait_for(effect, delivered=3)

    assert "set it to that" in consumer.logged("analytics_not_counted")["reason"]
    assert deployment.statuses("ANALYTICS") == {"PENDING": 3}
    assert consumer.terminate() == 0


def test_a_killed_consumer_costs_no_message_and_doubles_none(deployment: ConsumerDeployment) -> None:
    deployment.sandbox.control(alimtalk={"latencyMs": 100}, monitoring={"latencyMs": 50})
    events = [an_event() for _ in range(60)]
    first = deployment.start_consumer()

    deployment.produce(events[:30])
    deployment.produce(events[30:], partition=1)
    freeze_holding_claims(deployment, first)
    first.kill()

    second = deployment.start_consumer()
    for effect in EFFECTS:
        deployment.wait_for(effect, delivered=60)
    deployment.assert_each_once(events)
    stop_gracefully(second)


def test_a_consumer_frozen_until_its_lease_has_expired_doubles_nothing(
    deployment: ConsumerDeployment,
) -> None:
    deployment.sandbox.control(alimtalk={"latencyMs": 50})
    events = [an_event() for _ in range(60)]
    frozen = deployment.start_consumer()

    deployment.produce(events)
    freeze_holding_claims(deployment, frozen)
    other = deployment.start_consumer()
    for effect in EFFECTS:
        deployment.wait_for(effect, delivered=60)
    frozen.signal(signal.SIGCONT)
    stop_gracefully(frozen)
    stop_gracefully(other)

    deployment.assert_each_once(events)


def test_a_consumer_that_is_stopped_under_load_hands_back_what_it_holds(
    deployment: ConsumerDeployment,
) -> None:
    deployment.sandbox.control(alimtalk={"latencyMs": 100}, monitoring={"latencyMs": 100})
    events = [an_event() for _ in range(200)]
    first = deployment.start_consumer()

    deployment.produce(events)
    deployment.wait_for("ALIMTALK", delivered=8)
    stop_gracefully(first)

    for effect in EFFECTS:
        assert deployment.statuses(effect)["SENDING"] == 0
    assert deployment.statuses("ALIMTALK")["DELIVERED"] < 200
    deployment.sandbox.control(alimtalk={}, monitoring={})
    second = deployment.start_consumer()
    for effect in EFFECTS:
        deployment.wait_for(effect, delivered=200)
    deployment.assert_each_once(events)
    stop_gracefully(second)


def test_a_consumer_outlives_a_restart_of_postgresql(
    tmp_path: Path,
    server_directory: Path,
    unique: str,
    order_completed: str,
    own_sandbox: Sandbox,
) -> None:
    events = [an_event() for _ in range(60)]
    with ExitStack() as stack:
        server = stack.enter_context(a_postgresql_server(server_directory / f"own-{unique}"))
        upgrade(server.url(), SCHEMA)
        engine = create_engine(DatabaseSettings(database_url=server.url()), "test")
        stack.callback(engine.dispose)
        own_sandbox.control(alimtalk={"latencyMs": 50})
        deployment = stack.enter_context(ConsumerDeployment(engine, order_completed, own_sandbox, tmp_path))
        consumer = deployment.start_consumer()

        deployment.produce(events[:30])
        deployment.wait_for("ALIMTALK", delivered=4)
        server.kill()
        deployment.produce(events[30:])
        consumer.logged("batch_postponed")
        consumer.logged("effect_postponed")
        server.start()

        for effect in EFFECTS:
            deployment.wait_for(effect, delivered=60)
        deployment.assert_each_once(events)
        stop_gracefully(consumer)


def test_malformed_messages_go_to_the_dead_letters_and_the_rest_flows(deployment: ConsumerDeployment) -> None:
    good = [an_event(), an_event()]
    first, last = map(encoded, good)
    key, value = encoded(an_event())
    broken: list[tuple[bytes | None, bytes | None]] = [
        (key, b"not JSON"),
        (key, b"\xff\xfe"),
        (key, b"[]"),
        (key, None),
        (None, value),
        (b"\xff", value),
        encoded(an_event(version=2)),
        encoded(an_event(eventType="OrderCancelled")),
        encoded(an_event(totalAmount=-1)),
        encoded(an_event(totalAmount=10**30)),
        encoded(an_event(userId=True)),
        encoded(an_event(items=[])),
        encoded(an_event(recipient={"name": "a\x00b", "phone": "010-1234-5678"})),
        encoded(an_event(occurredAt="9999-12-31T23:59:59-23:59")),
        (key, json.dumps(an_event(recipient={"name": "\ud800", "phone": "010-1234-5678"})).encode()),
        (key, json.dumps({name: value for name, value in an_event().items() if name != "orderId"}).encode()),
    ]
    consumer = deployment.start_consumer()
    servers = deployment.bootstrap_servers
    begin = committed_offset(servers, CONSUMER_GROUP, TOPIC, partition=2)
    assert begin is not None

    produce(servers, TOPIC, [first, *broken, last], partition=2)

    def ours(records: Sequence[ConsumerRecord]) -> list[ConsumerRecord]:
        return [record for record in records if _offset(record) >= begin]

    letters = ours(read_topic(servers, f"{TOPIC}.dlt", lambda records: len(ours(records)) >= len(broken)))
    for effect in EFFECTS:
        deployment.wait_for(effect, delivered=2)
    deployment.assert_each_once(good)
    assert sorted(_offset(letter) for letter in letters) == list(range(begin + 1, begin + 1 + len(broken)))
    by_offset = {_offset(letter): letter for letter in letters}
    for offset, (broken_key, broken_value) in enumerate(broken, start=begin + 1):
        headers = dict(by_offset[offset].headers)
        assert (by_offset[offset].key, by_offset[offset].value) == (broken_key, broken_value)
        assert headers["dlt-topic"].decode() == TOPIC
        assert headers["dlt-partition"] == b"2"
        assert headers["dlt-reason"]
    stop_gracefully(consumer)


def test_a_consumer_reports_its_health(deployment: ConsumerDeployment) -> None:
    (free_port,) = find_free_ports(1)
    consumer = deployment.start_consumer(ADMIN_PORT=str(free_port))

    reply = wait_until(
        lambda: deployment.sandbox.client.get(f"http://127.0.0.1:{free_port}/readyz"),
        "the consumer's readiness",
    )

    assert reply.status_code == 200
    assert reply.json()["checks"] == {name: {"status": "ok"} for name in ("database", "kafka", "consumer")}
    stop_gracefully(consumer)


def _offset(letter: ConsumerRecord) -> int:
    return int(dict(letter.headers)["dlt-offset"])
