"""Real consumer processes on real Kafka and PostgreSQL: every effect once, whatever happens to them."""

import json
import signal
from contextlib import ExitStack
from pathlib import Path

from kafka.consumer.fetcher import ConsumerRecord

from devstack.free_ports import find_free_ports
from notification_service.migrations import SCRIPT_LOCATION
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.migrations import upgrade
from tests.integration.notification_service.builders import an_event, encoded
from tests.integration.notification_service.world import EFFECTS, World, freeze_in_the_middle, stop_gracefully
from tests.support.processes import Sandbox
from tests.support.servers import a_postgresql_server
from tests.support.topics import produce, read_topic
from tests.support.waiting import wait_until


def test_every_effect_happens_once_though_each_message_comes_twice_and_to_two_consumers(world: World) -> None:
    consumers = [world.start_consumer(), world.start_consumer()]
    events = [an_event(totalAmount=number) for number in range(60)]

    # The same events in two partitions, which are (or become) different consumers'.
    world.produce([*events, *events], partition=0)
    world.produce(events[::-1], partition=1)
    world.produce(events, partition=2)

    for effect in EFFECTS:
        world.wait_for(effect, delivered=60)
    world.assert_each_once(events)
    for consumer in consumers:
        stop_gracefully(consumer)


def test_a_provider_that_is_down_delays_only_its_own_effect(world: World) -> None:
    world.sandbox.control(alimtalk={"failNext": 1_000_000, "latencyMs": 200})
    consumer = world.start_consumer()
    events = [an_event() for _ in range(40)]

    world.produce(events)
    world.wait_for("ANALYTICS", delivered=40)
    world.wait_for("MONITORING", delivered=40)
    assert world.statuses("ALIMTALK")["DELIVERED"] == 0
    assert world.sandbox.references() == []

    world.sandbox.control(alimtalk={})
    world.wait_for("ALIMTALK", delivered=40)
    world.assert_each_once(events)
    stop_gracefully(consumer)


def test_a_killed_consumer_costs_no_message_and_doubles_none(world: World) -> None:
    world.sandbox.control(alimtalk={"latencyMs": 100}, monitoring={"latencyMs": 50})
    events = [an_event() for _ in range(60)]
    first = world.start_consumer()

    world.produce(events[:30])
    world.produce(events[30:], partition=1)
    freeze_in_the_middle(world, first)
    first.kill()

    second = world.start_consumer()
    for effect in EFFECTS:
        world.wait_for(effect, delivered=60)
    world.assert_each_once(events)
    stop_gracefully(second)


def test_a_consumer_that_was_frozen_until_its_lease_was_over_doubles_nothing(world: World) -> None:
    world.sandbox.control(alimtalk={"latencyMs": 50})
    events = [an_event() for _ in range(60)]
    frozen = world.start_consumer()

    world.produce(events)
    freeze_in_the_middle(world, frozen)
    world.start_consumer()
    for effect in EFFECTS:
        world.wait_for(effect, delivered=60)
    frozen.signal(signal.SIGCONT)
    stop_gracefully(frozen)

    world.assert_each_once(events)


def test_a_consumer_that_is_stopped_under_load_hands_back_what_it_holds(world: World) -> None:
    world.sandbox.control(alimtalk={"latencyMs": 100}, monitoring={"latencyMs": 100})
    events = [an_event() for _ in range(200)]
    first = world.start_consumer()

    world.produce(events)
    world.wait_for("ALIMTALK", delivered=8)
    stop_gracefully(first)

    for effect in EFFECTS:
        assert world.statuses(effect)["SENDING"] == 0
    assert world.statuses("ALIMTALK")["DELIVERED"] < 200
    world.sandbox.control(alimtalk={}, monitoring={})
    second = world.start_consumer()
    for effect in EFFECTS:
        world.wait_for(effect, delivered=200)
    world.assert_each_once(events)
    stop_gracefully(second)


def test_a_consumer_outlives_a_restart_of_postgresql(
    tmp_path: Path,
    server_directory: Path,
    unique: str,
    kafka_bootstrap_servers: str,
    topic: str,
    own_sandbox: Sandbox,
) -> None:
    events = [an_event() for _ in range(60)]
    with ExitStack() as stack:
        server = stack.enter_context(a_postgresql_server(server_directory / f"own-{unique}"))
        upgrade(server.url(), "notification-service", SCRIPT_LOCATION)
        engine = create_engine(DatabaseSettings(database_url=server.url()), "test")
        stack.callback(engine.dispose)
        own_sandbox.control(alimtalk={"latencyMs": 50})
        world = stack.enter_context(World(engine, kafka_bootstrap_servers, topic, own_sandbox, tmp_path))
        consumer = world.start_consumer()

        world.produce(events[:30])
        world.wait_for("ALIMTALK", delivered=4)
        server.kill()
        world.produce(events[30:])
        consumer.logged("batch_postponed")
        consumer.logged("effect_postponed")
        server.start()

        for effect in EFFECTS:
            world.wait_for(effect, delivered=60)
        world.assert_each_once(events)
        stop_gracefully(consumer)


def test_messages_that_can_not_be_understood_go_to_the_dead_letters_and_the_rest_flows(world: World) -> None:
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
    consumer = world.start_consumer()

    produce(world.bootstrap_servers, world.topic, [first, *broken, last], partition=2)

    letters = read_topic(
        world.bootstrap_servers, f"{world.topic}.dlt", lambda records: len(records) >= len(broken)
    )
    for effect in EFFECTS:
        world.wait_for(effect, delivered=2)
    world.assert_each_once(good)
    assert sorted(_offset(letter) for letter in letters) == list(range(1, len(broken) + 1))
    by_offset = {_offset(letter): letter for letter in letters}
    for offset, (broken_key, broken_value) in enumerate(broken, start=1):
        headers = dict(by_offset[offset].headers)
        assert (by_offset[offset].key, by_offset[offset].value) == (broken_key, broken_value)
        assert headers["dlt-topic"].decode() == world.topic
        assert headers["dlt-partition"] == b"2"
        assert headers["dlt-reason"]
    stop_gracefully(consumer)


def test_a_consumer_tells_its_health(world: World) -> None:
    (free_port,) = find_free_ports(1)
    consumer = world.start_consumer(ADMIN_PORT=str(free_port))

    reply = wait_until(
        lambda: world.sandbox.client.get(f"http://127.0.0.1:{free_port}/readyz"), "the consumer's readiness"
    )

    assert reply.status_code == 200
    assert reply.json()["checks"] == {"database": {"status": "ok"}, "kafka": {"status": "ok"}}
    stop_gracefully(consumer)


def _offset(letter: ConsumerRecord) -> int:
    return int(dict(letter.headers)["dlt-offset"])
