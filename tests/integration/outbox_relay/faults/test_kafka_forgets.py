"""Kafka loses what was published: the relay says so and waits; kept events are published again, in order."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient

from tests.support.kafka_disk import lose_the_disk
from tests.support.relay.commands import command
from tests.support.relay.delivery_check import check_all_arrived, receive
from tests.support.relay.fleet import a_relay_of, failing, wait_until_idle, wait_until_ready
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import RelayProcess
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

        assert command("rewind", "test", "--since", since(A_DAY), of=outbox).splitlines()[0] == (
            "test: 60 events would be published; add --yes to do it"
        )
        assert command("rewind", "test", "--since", since(A_DAY), "--yes", of=outbox).splitlines()[0] == (
            "test: rewound, 60 events will be published"
        )
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

        assert command("accept-kafka", "test", of=outbox) == "test: publishing goes on"
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

            command("rewind", "test", "--since", since(A_DAY), "--yes", of=outbox)
            check_all_arrived(outbox, broker.bootstrap_servers)


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
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        admin.delete_topics([topic])
        wait_until(lambda: topic not in admin.list_topics(), "the topic to be gone")
    finally:
        admin.close()
    create_topics(servers, [topic])


def since(ago: timedelta) -> str:
    return (datetime.now(UTC) - ago).isoformat()
