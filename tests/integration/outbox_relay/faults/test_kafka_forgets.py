"""Kafka loses what was published: the relay says so and waits; kept events are published again, in order."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient
from kafka.errors import IllegalStateError

from outbox_relay.kafka.batch_producer import BatchFuture, BatchProducer
from outbox_relay.kafka.publisher import producer_options
from outbox_relay.kafka.record import RecordEncoder, batches
from outbox_relay.kafka.record_time import NO_TIME
from servicekit.kafka.cluster import KafkaCluster
from servicekit.rfc3339 import format_rfc3339
from tests.support.kafka_disk import lose_the_disk
from tests.support.relay.commands import command, command_status
from tests.support.relay.delivery_check import check_all_arrived, receive
from tests.support.relay.events import an_event
from tests.support.relay.fleet import a_relay_of, failing, wait_until_idle, wait_until_ready
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import RelayProcess
from tests.support.relay.stepping_relay import a_stepping_relay
from tests.support.servers import a_kafka_broker
from tests.support.topics import create_topics
from tests.support.waiting import wait_until

KEYS = [f"key-{number}" for number in range(5)]
A_DAY = timedelta(days=1)


@pytest.fixture
def outbox(database_url: str, topic: str) -> Iterator[Outbox]:
    """An outbox of two shards."""
    with an_outbox(database_url, topic, shards=2) as outbox:
        yield outbox


def test_topic_that_was_made_anew_gets_nothing_until_it_is_rewound(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    servers = kafka_bootstrap_servers
    with a_relay_of(outbox, tmp_path, servers) as relay:
        write(outbox, 0, 10)
        assert receive(servers, outbox.topic, 50).total == 50
        make_anew(servers, outbox.topic)

        # Nothing is to be published, and still it says so.
        assert "outbox-relay rewind test" in reason(relay)
        assert 'outbox_relay_kafka_changed{source="test"} 1.0' in relay.metrics()
        write(outbox, 10, 12)
        wait_until(lambda: relay.source()["shards"][0]["lag"]["events"] > 0, "the lag")
        assert receive(servers, outbox.topic, 1, timeout_seconds=3).total == 0

        (oldest,) = outbox.run("SELECT min(created_at) FROM outbox")[0]
        anew = f"WARNING test: made anew: {outbox.topic} ("
        warning = f"WARNING test: none before {format_rfc3339(oldest)} is kept; see RETENTION_HOURS"
        for options, count in [
            ([], "60 events would be published; add --yes to do it"),
            (["--yes"], "rewound, 60 events will be published"),
        ]:
            said = command("rewind", "test", "--since", since(A_DAY), *options, of=outbox, kafka=servers)
            assert [line.partition("id ")[0] for line in said.splitlines()] == [
                f"test: {count}", anew, warning
            ]  # fmt: skip
        check_all_arrived(outbox, servers)
        wait_until_ready(relay)
        wait_until_idle(outbox)


def test_topic_made_anew_while_no_relay_ran_is_noticed_by_the_next(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    servers = kafka_bootstrap_servers
    with a_relay_of(outbox, tmp_path, servers) as relay:
        write(outbox, 0, 1)
        assert receive(servers, outbox.topic, 5).total == 5
        relay.terminate()
    make_anew(servers, outbox.topic)
    write(outbox, 1, 2)
    with a_relay_of(outbox, tmp_path, servers) as relay:
        assert "was" in reason(relay)
        assert receive(servers, outbox.topic, 1, timeout_seconds=3).total == 0


def test_accepted_topic_gets_what_waits_and_nothing_again(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    servers = kafka_bootstrap_servers
    with a_relay_of(outbox, tmp_path, servers) as relay:
        write(outbox, 0, 10)
        assert receive(servers, outbox.topic, 50).total == 50
        make_anew(servers, outbox.topic)
        reason(relay)
        write(outbox, 10, 12)

        said = command("accept-kafka", "test", of=outbox, kafka=servers)
        assert said.startswith(f"test: publishing goes on\nWARNING test: made anew: {outbox.topic} (")
        wait_until_ready(relay)
        wait_until_idle(outbox)
        assert receive(servers, outbox.topic, 10).total == 10
        # What it is now is remembered.
        make_anew(servers, outbox.topic)
        assert "outbox-relay rewind test" in reason(relay)


def test_cluster_that_lost_its_disk_is_another_cluster(
    database_url: str, unique: str, server_directory: Path, tmp_path: Path
) -> None:
    directory = server_directory / f"lost-{unique}"
    with a_kafka_broker(directory) as broker, an_outbox(database_url, f"topic-{unique}") as outbox:
        create_topics(broker.bootstrap_servers, [outbox.topic])
        with a_relay_of(outbox, tmp_path, broker.bootstrap_servers) as relay:
            write(outbox, 0, 10)
            assert receive(broker.bootstrap_servers, outbox.topic, 50).total == 50
            lose_the_disk(broker)
            create_topics(broker.bootstrap_servers, [outbox.topic])
            reason(relay)

            servers = broker.bootstrap_servers
            command("rewind", "test", "--since", since(A_DAY), "--yes", of=outbox, kafka=servers)
            check_all_arrived(outbox, broker.bootstrap_servers)


def test_batch_that_waits_for_its_topic_goes_to_no_other_of_that_name(
    kafka_bootstrap_servers: str, topic: str
) -> None:
    producer = BatchProducer(**producer_options(KafkaCluster(kafka_bootstrap_servers), "test"))
    try:
        producer.learn_partitions(topic)
        assert send(producer, topic).failure(30) is None
        delete(kafka_bootstrap_servers, topic)
        waiting = send(producer, topic)
        wait_until(lambda: not producer.knows(topic), "the producer to see that the topic is gone")
        create_topics(kafka_bootstrap_servers, [topic])
        assert isinstance(waiting.failure(30), IllegalStateError)
    finally:
        producer.abort()
    assert receive(kafka_bootstrap_servers, topic, 1, timeout_seconds=3).total == 0


def test_events_that_went_unnoticed_to_a_topic_made_anew_come_again(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    """A topic made anew between two pages isn't noticed before a relay looks at the topics."""
    servers = kafka_bootstrap_servers
    with a_stepping_relay(outbox.relay_url, servers) as relay:
        write(outbox, 0, 10)
        relay.drain()
        make_anew(servers, outbox.topic)
        write(outbox, 10, 12)
        assert relay.drain() == 10
    assert receive(servers, outbox.topic, 10).total == 10

    command("rewind", "test", "--since", since(A_DAY), "--yes", of=outbox, kafka=servers)
    with a_relay_of(outbox, tmp_path, servers):
        wait_until_idle(outbox)
    received = receive(servers, outbox.topic, 60)
    assert (received.total, received.duplicates) == (60, 10)


@pytest.mark.parametrize(
    "arguments",
    [("rewind", "test", "--since", "2126-01-31T09:30:00Z", "--yes"), ("accept-kafka", "test")],
)
def test_topic_made_anew_right_after_an_operator_accepted_it_is_noticed(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """What was published before it is lost now, and nothing has been published since."""
    servers = kafka_bootstrap_servers
    with a_relay_of(outbox, tmp_path, servers) as relay:
        write(outbox, 0, 10)
        assert receive(servers, outbox.topic, 50).total == 50
        wait_until_idle(outbox)
        relay.terminate()
    command(*arguments, of=outbox, kafka=servers)
    make_anew(servers, outbox.topic)
    write(outbox, 10, 11)
    with a_relay_of(outbox, tmp_path, servers) as relay:
        assert "was" in reason(relay)
        assert receive(servers, outbox.topic, 1, timeout_seconds=3).total == 0


def test_nothing_is_rewound_while_kafka_does_not_say_which_topics_it_has(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers) as relay:
        write(outbox, 0, 1)
        wait_until_idle(outbox)
        relay.terminate()
    known, cursors = outbox.run("TABLE outbox_kafka_topic"), outbox.run("TABLE outbox_cursor")
    for arguments in (["rewind", "test", "--since", since(A_DAY), "--yes"], ["accept-kafka", "test"]):
        status, said = command_status(*arguments, of=outbox)
        assert status == 1
        assert said.startswith("Error: Kafka doesn't say which topics it has: ")
        assert len(said.splitlines()) == 1
    assert (outbox.run("TABLE outbox_kafka_topic"), outbox.run("TABLE outbox_cursor")) == (known, cursors)


def send(producer: BatchProducer, topic: str) -> BatchFuture:
    (batch,) = batches(RecordEncoder(), topic, 0, [an_event(topic=topic)], max_bytes=1_000)
    return producer.send_batch(batch, NO_TIME, lambda _: None)


def write(outbox: Outbox, begin: int, end: int) -> None:
    """Events of these numbers for every key, each in a transaction of its own."""
    for number in range(begin, end):
        for key in KEYS:
            outbox.append(key, number)


def reason(relay: RelayProcess) -> str:
    """Why publishing isn't ready, once it isn't."""
    return wait_until(
        lambda: next((text for text in failing(relay).values() if "made anew" in text), ""),
        "readiness to say so",
    )


def make_anew(servers: str, topic: str) -> None:
    delete(servers, topic)
    create_topics(servers, [topic])


def delete(servers: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        admin.delete_topics([topic])
        wait_until(lambda: topic not in admin.list_topics(), "the topic to be gone")
    finally:
        admin.close()


def since(ago: timedelta) -> str:
    return (datetime.now(UTC) - ago).isoformat()
