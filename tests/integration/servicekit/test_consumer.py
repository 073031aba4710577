"""The consumer on a real broker: offsets follow work, malformed records go aside, members hand over."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient
from structlog.testing import capture_logs

from devstack.repository import ROOT
from servicekit.config import KafkaConsumerSettings
from servicekit.messaging import kafka_source
from servicekit.messaging.kafka_source import KafkaRecordSource
from servicekit.messaging.records import InvalidMessage, ReceivedRecord
from servicekit.messaging.status import ConsumerStuck
from tests.support.group_member import Member, Position
from tests.support.servers import a_kafka_broker
from tests.support.topics import committed_offset, create_topics, produce, produce_empty, read_topic
from tests.support.waiting import wait_until


@pytest.fixture
def start(kafka_bootstrap_servers: str, topic: str, unique: str) -> Iterator[Callable[[], Member]]:
    members: list[Member] = []

    def start_member() -> Member:
        members.append(Member(kafka_bootstrap_servers, topic, unique))
        return members[-1]

    yield start_member
    for member in members:
        member.stop()


def test_records_arrive_in_order_from_the_earliest_and_are_committed(
    start: Callable[[], Member], kafka_bootstrap_servers: str, topic: str, unique: str
) -> None:
    produce(kafka_bootstrap_servers, topic, [(b"k", b"ok")] * 25)
    member = start()
    wait_until(lambda: len(member.recorder.seen) == 25, "25 records")
    member.stop()
    assert member.recorder.seen == [(0, offset) for offset in range(25)]
    assert committed_offset(kafka_bootstrap_servers, unique, topic, 0) == 25


def test_malformed_record_goes_to_the_dead_letter_topic_with_its_origin(
    start: Callable[[], Member], kafka_bootstrap_servers: str, topic: str, unique: str
) -> None:
    produce(kafka_bootstrap_servers, topic, [(b"k", b"ok"), (b"k", b"bad"), (b"k", b"ok")], partition=2)
    member = start()
    (dead,) = read_topic(kafka_bootstrap_servers, f"{topic}.dlt", lambda records: len(records) >= 1)
    wait_until(lambda: len(member.recorder.seen) == 2, "the others")
    headers = dict(dead.headers)
    assert (dead.key, dead.value) == (b"k", b"bad")
    assert headers["dlt-reason"] == b"it says bad"
    assert (headers["dlt-topic"], headers["dlt-partition"], headers["dlt-offset"]) == (
        topic.encode(),
        b"2",
        b"1",
    )
    assert headers["dlt-consumer-group"] == unique.encode()
    member.stop()
    assert committed_offset(kafka_bootstrap_servers, unique, topic, 2) == 3


def test_transient_failure_keeps_records_and_commits_nothing_meanwhile(
    start: Callable[[], Member], kafka_bootstrap_servers: str, topic: str, unique: str
) -> None:
    produce(kafka_bootstrap_servers, topic, [(b"k", b"ok")] * 3)
    member = start()
    member.recorder.failing = True
    produce(kafka_bootstrap_servers, topic, [(b"k", b"ok")] * 3, partition=1)
    wait_until(lambda: member.recorder.attempts >= 3, "three attempts")
    before = len(member.recorder.seen)
    assert (committed_offset(kafka_bootstrap_servers, unique, topic, 1) or 0) == 0
    member.recorder.failing = False
    wait_until(lambda: len(member.recorder.seen) == 6, "all records")
    assert before < 6
    assert sorted(member.recorder.seen) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


@pytest.mark.parametrize("leaver_stays", [True, False])
def test_rebalance_while_records_wait_for_a_retry_loses_none(
    start: Callable[[], Member], kafka_bootstrap_servers: str, topic: str, unique: str, leaver_stays: bool
) -> None:
    """A consumer goes on from its own position in what comes back to it, whatever became of its records."""
    first = start()
    first.recorder.failing = True
    for partition in range(3):
        produce(kafka_bootstrap_servers, topic, [(b"k", b"ok")] * 40, partition=partition)
    wait_until(lambda: first.recorder.attempts >= 2, "the first member to hold records")
    second = start()
    wait_until(lambda: second.recorder.seen, "the second member to get some of the partitions", 60)
    first.recorder.failing = False
    if not leaver_stays:
        second.stop()
    expected = {(partition, offset) for partition in range(3) for offset in range(40)}

    def nothing_is_missing() -> bool:
        assert expected - {*first.recorder.seen, *second.recorder.seen} == set()
        return True

    wait_until(nothing_is_missing, "every record to be handled")


def test_member_that_waits_for_another_to_rejoin_says_so(
    start: Callable[[], Member], kafka_bootstrap_servers: str, topic: str, unique: str
) -> None:
    produce(kafka_bootstrap_servers, topic, [(b"k", b"ok")] * 3)
    settings = KafkaConsumerSettings(
        kafka_bootstrap_servers=kafka_bootstrap_servers, kafka_client_id="other", consumer_max_poll_records=10
    )
    with closing(KafkaRecordSource(settings, topic, unique)) as other:
        poll_until_assigned(other, 3)
        member = start()
        stuck = wait_until(lambda: stuck_on(member), "the member to say what it waits for")
    assert stuck.startswith(f"{topic}: not in its group for ")
    wait_until(lambda: len(member.recorder.seen) == 3, "all records")
    wait_until(lambda: not stuck_on(member), "the member to be well")


def test_member_has_the_partitions_that_are_added(
    kafka_bootstrap_servers: str, topic: str, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polls end within the exchanges of a join, where kafka-python may forget that it has begun one."""
    monkeypatch.setattr(kafka_source, "_METADATA_MAX_AGE_MS", 500)
    settings = KafkaConsumerSettings(
        kafka_bootstrap_servers=kafka_bootstrap_servers, kafka_client_id="test", consumer_max_poll_records=10
    )
    with (
        closing(KafkaRecordSource(settings, topic, unique)) as source,
        closing(KafkaAdminClient(bootstrap_servers=kafka_bootstrap_servers)) as admin,
    ):
        poll_until_assigned(source, 3)
        admin.create_partitions({topic: 5})
        poll_until_assigned(source, 5)


def test_idle_partitions_are_not_asked_while_a_busy_one_has_records_left(
    kafka_bootstrap_servers: str, topic: str, unique: str
) -> None:
    """A broker that has nothing keeps its answer back, and the busy partition would have to wait for it."""
    settings = KafkaConsumerSettings(
        kafka_bootstrap_servers=kafka_bootstrap_servers, kafka_client_id="test", consumer_max_poll_records=1
    )
    asked: dict[int, bool] = {}
    with closing(KafkaRecordSource(settings, topic, unique)) as source:
        fetcher = source._consumer._fetcher  # noqa: SLF001 - nothing else shows what it waits for

        def read_up_to(offset: int) -> bool:
            asked.update((record.offset, fetcher.in_flight_fetches()) for record in source.poll(1.0))
            return offset in asked

        # The answer to a first fetch names idle partitions too, and is worked off before another one is sent.
        produce(kafka_bootstrap_servers, topic, [(b"k", b"ok")], partition=1)
        wait_until(lambda: read_up_to(0), "the first record")
        produce(kafka_bootstrap_servers, topic, [(b"k", b"ok")] * 20, partition=1)
        wait_until(lambda: read_up_to(18), "records of the busy partition")
    # The others are asked for where what was fetched ends: once, or a few times.
    assert sum(asked.values()) < len(asked) / 2, asked


def poll_until_assigned(source: KafkaRecordSource, partitions: int) -> None:
    deadline = time.monotonic() + 30
    while source.is_joining() or len(source.positions()) != partitions:
        source.poll(0.001)
        assert time.monotonic() < deadline, source.positions()


def stuck_on(member: Member) -> str:
    try:
        member.status.check()
    except ConsumerStuck as stuck:
        return str(stuck)
    return ""


def test_record_with_neither_key_nor_value_is_dead_lettered(
    start: Callable[[], Member], kafka_bootstrap_servers: str, topic: str
) -> None:
    member = start()
    member.recorder.parse = reject  # type: ignore[method-assign]
    produce_empty(kafka_bootstrap_servers, topic)
    (dead,) = read_topic(kafka_bootstrap_servers, f"{topic}.dlt", lambda records: len(records) >= 1)
    headers = dict(dead.headers)
    assert (dead.key, dead.value, headers["dlt-value"]) == (None, b"", b"null")
    assert member.error is None


def reject(record: ReceivedRecord) -> Position:
    raise InvalidMessage("never")


def test_stop_with_an_unsent_dead_letter_and_no_broker_is_graceful(
    unique: str, server_directory: Path
) -> None:
    with a_kafka_broker(server_directory / unique) as broker:
        create_topics(broker.bootstrap_servers, [unique, f"{unique}.dlt"])
        produce(broker.bootstrap_servers, unique, [(b"k", b"bad")])
        command = [sys.executable, "-m", "tests.support.rejecting_consumer"]
        with subprocess.Popen(
            [*command, broker.bootstrap_servers, unique, unique],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ) as consumer:  # fmt: skip
            assert consumer.stdout is not None
            assert consumer.stdin is not None
            while consumer.stdout.readline() != "received\n":
                assert consumer.poll() is None
            broker.kill()
            consumer.stdin.write("\n")
            consumer.stdin.flush()
            consumer.terminate()
            assert consumer.wait(timeout=10) == 0


def test_unexpected_error_ends_the_consumer_and_records_come_again(
    start: Callable[[], Member], kafka_bootstrap_servers: str, topic: str
) -> None:
    produce(kafka_bootstrap_servers, topic, [(b"k", b"ok")])
    with capture_logs() as logs:
        first = start()
        first.recorder.handle = lambda events: 1 / 0  # type: ignore[method-assign,assignment]
        wait_until(lambda: isinstance(first.error, ZeroDivisionError), "the first consumer's end")
    (said,) = (entry for entry in logs if entry["log_level"] == "error")
    assert (said["event"], said["topic"], said["error"]) == (
        "consumer_ended_by_bug", topic, "ZeroDivisionError"
    )  # fmt: skip
    second = start()
    wait_until(lambda: second.recorder.seen == [(0, 0)], "the record to come again")


def test_leaving_member_hands_partitions_over_without_loss_or_repeat(
    start: Callable[[], Member], kafka_bootstrap_servers: str, topic: str
) -> None:
    first, second = start(), start()
    for partition in range(3):
        produce(kafka_bootstrap_servers, topic, [(b"k", b"ok")] * 20, partition=partition)
    wait_until(lambda: len(first.recorder.seen) + len(second.recorder.seen) >= 60, "the first 60 records")
    first.stop()
    for partition in range(3):
        produce(kafka_bootstrap_servers, topic, [(b"k", b"ok")] * 5, partition=partition)
    wait_until(lambda: len(first.recorder.seen) + len(second.recorder.seen) >= 75, "the other 15")
    everything = first.recorder.seen + second.recorder.seen
    assert sorted(everything) == sorted((partition, offset) for partition in range(3) for offset in range(25))
