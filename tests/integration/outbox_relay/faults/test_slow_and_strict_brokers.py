"""Kafka answers, and takes less or takes it later: what it takes counts, and nothing is given up early."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from kafka.consumer.fetcher import ConsumerRecord

from devstack.kafka_broker import KafkaBroker
from outbox_relay.protocol.relay import Failed, Idle
from tests.support.clock_jumps import JumpingClock
from tests.support.relay.access_lists import Forbid, a_broker_with_access_lists, deny_writing, hide, permit
from tests.support.relay.client_quota import limit_producer
from tests.support.relay.delivery_check import check_all_arrived
from tests.support.relay.fleet import a_relay_of, wait_until_idle, wait_until_ready
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.stepping_relay import a_stepping_relay
from tests.support.topics import create_topics, read_topic
from tests.support.waiting import wait_until

EVENTS = 1_500
PAYLOAD = "x" * 2_000
BYTES_PER_SECOND = 128_000
REPLAYED = 500
HOURS = 9


def test_pages_shrink_until_a_quota_lets_them_through_in_time(
    outbox: Outbox, unique: str, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    limit_producer(kafka_bootstrap_servers, f"{unique}-test", BYTES_PER_SECOND)
    with outbox.transaction() as transaction:
        for number in range(EVENTS):
            transaction.append(f"key-{number % 97}", number, {"number": number, "filling": PAYLOAD})
    settings = {"kafka_client_id": unique, "publish_timeout_seconds": 3}
    with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers, **settings) as relay:
        wait_until_idle(outbox, timeout_seconds=180)
        wait_until_ready(relay)
        late = [line["reason"] for line in relay.logged("warning") if line.get("kind") == "timeout"]
    received = check_all_arrived(outbox, kafka_bootstrap_servers)
    assert late, "the quota delayed nothing"
    assert received.duplicates < EVENTS / 3, late


def test_replays_shrink_until_a_quota_lets_them_through_in_time(
    outbox: Outbox, unique: str, kafka_bootstrap_servers: str
) -> None:
    elsewhere = f"{unique}-elsewhere"
    create_topics(kafka_bootstrap_servers, [elsewhere], partitions=1)
    with outbox.transaction() as transaction:
        for number in range(REPLAYED):
            transaction.append(f"key-{number % 97}", number, {"number": number, "filling": PAYLOAD})
    with a_stepping_relay(
        outbox.relay_url, kafka_bootstrap_servers, client_id=unique, publish_timeout_seconds=3
    ) as relay:
        relay.drain()
        outbox.run(
            "INSERT INTO outbox_dead_letter"
            " (position, id, topic, aggregatetype, aggregateid, type, source, payload, created_at, state,"
            " kind, reason)"
            " SELECT position, id, :topic, aggregatetype, aggregateid, type, source, payload, created_at,"
            " 'REPLAYING', 'unauthorized', 'a quota' "
            " FROM outbox",
            topic=elsewhere,
        )
        limit_producer(kafka_bootstrap_servers, unique, BYTES_PER_SECOND // 2)
        late = 0
        while not isinstance(result := relay.relay.replay_once(), Idle):
            relay.leadership.beat()
            late += isinstance(result, Failed)
            assert late < 6, result
    assert late, "the quota delayed nothing"
    arrived = read_topic(kafka_bootstrap_servers, elsewhere, lambda records: numbers(records) == REPLAYED)
    assert numbers(arrived) == REPLAYED


def numbers(records: Sequence[ConsumerRecord]) -> int:
    """How many different events there are."""
    return len({record.value for record in records})


@pytest.mark.parametrize("hours", [-HOURS, HOURS])
def test_records_are_stamped_within_what_the_broker_accepts(
    outbox: Outbox,
    server_directory: Path,
    unique: str,
    kafka_bootstrap_servers: str,
    tmp_path: Path,
    hours: int,
) -> None:
    """A relay whose clock is wrong, and events of long ago: retention counts from when they are published."""
    clock = JumpingClock(server_directory / f"clock-{unique}")
    clock.jump(hours * 3_600)
    outbox.append_many(20)
    outbox.run("UPDATE outbox SET created_at = created_at - interval '30 days'")
    with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers, **clock.environment) as relay:
        check_all_arrived(outbox, kafka_bootstrap_servers)
        wait_until_idle(outbox)
        assert relay.logged("warning", "error", "critical") == []
    (now,) = outbox.run("SELECT extract(epoch FROM clock_timestamp())")[0]
    stamps = [record.timestamp / 1000 for record in read_topic(kafka_bootstrap_servers, outbox.topic, bool)]
    assert all(float(now) - 120 < stamp <= float(now) for stamp in stamps)


@pytest.fixture(scope="module")
def broker_with_access_lists(server_directory: Path) -> Iterator[KafkaBroker]:
    with a_broker_with_access_lists(server_directory / "kafka-with-grace") as broker:
        yield broker


@pytest.mark.parametrize("forbid", [deny_writing, hide])
def test_topic_that_is_forbidden_for_a_moment_parks_nothing(
    broker_with_access_lists: KafkaBroker, database_url: str, unique: str, tmp_path: Path, forbid: Forbid
) -> None:
    servers = broker_with_access_lists.bootstrap_servers
    create_topics(servers, [f"topic-{unique}"])
    with (
        an_outbox(database_url, f"topic-{unique}") as outbox,
        a_relay_of(outbox, tmp_path, servers) as relay,
    ):
        outbox.append_many(20)
        check_all_arrived(outbox, servers)
        forbid(servers, outbox.topic)
        outbox.append_many(20)
        expected = f"may not write to topic {outbox.topic}"
        wait_until(lambda: expected in relay.failure("test.publishing"), "readiness to name the topic")
        permit(servers, outbox.topic)

        check_all_arrived(outbox, servers)
        wait_until_ready(relay)
        assert outbox.run("SELECT count(*) FROM outbox_dead_letter") == [(0,)]
