"""What a consumer meets on a real broker: bytes that can't be read, dead letters that can't be written."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from devstack.kafka_broker import KafkaBroker
from servicekit.config import KafkaConsumerSettings
from servicekit.messaging import kafka_source
from servicekit.messaging.dead_letters import KafkaDeadLetterWriter
from servicekit.messaging.kafka_source import KafkaRecordSource
from servicekit.messaging.records import ReceivedRecord, UnreadableRecords
from servicekit.messaging.status import ConsumerStuck
from tests.support.group_member import Member
from tests.support.relay.access_lists import a_broker_with_access_lists, deny_writing, hide, permit
from tests.support.servers import a_kafka_broker
from tests.support.topics import committed_offset, create_topics, produce, read_topic
from tests.support.waiting import wait_until

Start = Callable[[str], Member]


@pytest.fixture
def start(kafka_bootstrap_servers: str, unique: str) -> Iterator[Start]:
    """Starts a member of one group on a topic of the shared broker."""
    members: list[Member] = []

    def start_member(topic: str) -> Member:
        members.append(Member(kafka_bootstrap_servers, topic, unique))
        return members[-1]

    yield start_member
    for member in members:
        member.stop()


class NotUtf8(str):
    """A header's name as another client's program may send it."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


def is_stuck_at(member: Member, where: str) -> bool:
    try:
        member.status.check()
    except ConsumerStuck as error:
        return where in str(error)
    return False


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_topic_compressed_by_the_broker_is_read(
    start: Start, kafka_bootstrap_servers: str, unique: str, codec: str
) -> None:
    create_topics(kafka_bootstrap_servers, [unique], configs={"compression.type": codec})
    produce(kafka_bootstrap_servers, unique, [(b"k", b"ok " * 100)] * 5)
    member = start(unique)
    wait_until(lambda: len(member.recorder.seen) == 5, "five records")


def test_batch_of_a_missing_codec_is_set_aside_and_stepped_over(
    start: Start, kafka_bootstrap_servers: str, topic: str, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = KafkaProducer(
        bootstrap_servers=kafka_bootstrap_servers, compression_type="zstd", linger_ms=200
    )
    # A batch that would not shrink is sent without compression.
    futures = [producer.send(topic, key=b"k", value=b"ok" * 200, partition=0) for _ in range(3)]
    producer.close()
    assert [future.get().offset for future in futures] == [0, 1, 2]
    produce(kafka_bootstrap_servers, topic, [(b"k", b"ok")])
    monkeypatch.setattr("kafka.codec.zstd", None)
    member = start(topic)
    wait_until(lambda: member.recorder.seen == [(0, 3)], "the record behind the batch")
    dead = read_topic(kafka_bootstrap_servers, f"{topic}.dlt", lambda records: bool(records))
    ranges = [
        (dict(record.headers)["dlt-offset"], dict(record.headers)["dlt-next-offset"]) for record in dead
    ]
    assert (ranges[0][0], ranges[-1][1]) == (b"0", b"3")
    headers = dict(dead[0].headers)
    assert (dead[0].key, dead[0].value, headers["dlt-value"]) == (None, b"", b"unreadable")
    assert b"UnsupportedCodecError" in headers["dlt-reason"]
    wait_until(lambda: committed_offset(kafka_bootstrap_servers, unique, topic, 0) == 4, "the commit")


def test_record_with_a_header_that_is_not_utf8_is_stepped_over_alone(
    start: Start, kafka_bootstrap_servers: str, topic: str
) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka_bootstrap_servers, linger_ms=200)
    for name in ("fine", NotUtf8("odd"), "fine"):
        producer.send(topic, key=b"k", value=b"ok", headers=[(name, b"1")], partition=0)
    producer.close()
    member = start(topic)
    wait_until(lambda: member.recorder.seen == [(0, 0), (0, 2)], "the records around it")
    (dead,) = read_topic(kafka_bootstrap_servers, f"{topic}.dlt", lambda records: bool(records))
    headers = dict(dead.headers)
    assert (headers["dlt-offset"], headers["dlt-next-offset"]) == (b"1", b"2")


def test_batch_that_the_disk_has_changed_is_set_aside(
    start: Start, kafka_broker: KafkaBroker, kafka_bootstrap_servers: str, topic: str
) -> None:
    produce(kafka_bootstrap_servers, topic, [(b"k", b"ok damage me")])
    produce(kafka_bootstrap_servers, topic, [(b"k", b"ok")])
    change_a_byte(kafka_broker.directory, topic, b"damage me")
    member = start(topic)
    wait_until(lambda: member.recorder.seen == [(0, 1)], "the batch behind it")
    (dead,) = read_topic(kafka_bootstrap_servers, f"{topic}.dlt", lambda records: bool(records))
    headers = dict(dead.headers)
    assert (headers["dlt-offset"], headers["dlt-next-offset"]) == (b"0", b"1")
    assert b"CorruptRecordError" in headers["dlt-reason"]


def change_a_byte(broker_directory: Path, topic: str, content: bytes) -> None:
    (segment,) = broker_directory.rglob(f"{topic}-0/00000000000000000000.log")
    with segment.open("r+b") as file:
        file.seek(file.read().index(content))
        file.write(content[:1].upper())


def test_dead_letter_of_a_key_that_fills_a_record_still_fits(
    start: Start, kafka_bootstrap_servers: str, topic: str
) -> None:
    key = b"k" * 1_048_450
    produce(kafka_bootstrap_servers, topic, [(key, b"bad"), (b"k", b"ok")])
    member = start(topic)
    wait_until(lambda: member.recorder.seen == [(0, 1)], "the record behind it")
    (dead,) = read_topic(kafka_bootstrap_servers, f"{topic}.dlt", lambda records: bool(records))
    headers = dict(dead.headers)
    assert (dead.key, dead.value, headers["dlt-key"], headers["dlt-value"]) == (
        None,
        b"",
        b"omitted",
        b"omitted",
    )
    assert headers["dlt-key-size"] == b"1048450"
    assert headers["dlt-key-sha256"] == sha256(key).hexdigest().encode()
    assert (headers["dlt-topic"], headers["dlt-offset"]) == (topic.encode(), b"0")


def test_dead_letter_that_the_broker_finds_too_large_blocks_no_other(
    start: Start, kafka_bootstrap_servers: str, unique: str
) -> None:
    create_topics(kafka_bootstrap_servers, [unique])
    create_topics(kafka_bootstrap_servers, [f"{unique}.dlt"], configs={"max.message.bytes": "1000000"})
    produce(kafka_bootstrap_servers, unique, [(b"k" * 999_900, b"bad"), (b"k", b"bad"), (b"k", b"ok")])
    member = start(unique)
    wait_until(lambda: member.recorder.seen == [(0, 2)], "the record behind them")
    dead = read_topic(kafka_bootstrap_servers, f"{unique}.dlt", lambda records: len(records) == 2)
    described, whole = sorted(dead, key=lambda record: dict(record.headers)["dlt-offset"])
    assert (described.key, dict(described.headers)["dlt-key-size"]) == (None, b"999900")
    assert (whole.key, whole.value) == (b"k", b"bad")


def test_dead_letter_topic_that_was_forbidden_is_written_once_permitted(
    unique: str, server_directory: Path
) -> None:
    with a_broker_with_access_lists(server_directory / unique) as broker:
        servers = broker.bootstrap_servers
        create_topics(servers, [unique, f"{unique}.dlt"])
        produce(servers, unique, [(b"k", b"bad"), (b"k", b"ok")])
        member = Member(servers, unique, unique)
        try:
            wait_until(lambda: member.recorder.seen == [(0, 1)], "the first dead letter")
            deny_writing(servers, f"{unique}.dlt")
            produce(servers, unique, [(b"k", b"bad"), (b"k", b"ok")])
            wait_until(lambda: is_stuck_at(member, "TopicAuthorizationFailed"), "readiness to say why")
            permit(servers, f"{unique}.dlt")
            wait_until(lambda: (0, 3) in member.recorder.seen, "the record behind the second one")
        finally:
            member.stop()


def test_dead_letters_of_a_consumer_whose_clock_is_ahead_are_taken(
    kafka_bootstrap_servers: str, topic: str
) -> None:
    settings = KafkaConsumerSettings(kafka_bootstrap_servers=kafka_bootstrap_servers, kafka_client_id="test")
    hours_ahead = 9
    writer = KafkaDeadLetterWriter(settings, "group", lambda: time.time() + hours_ahead * 3_600)
    with closing(writer):
        writer.write(ReceivedRecord(topic, 0, 5, b"k", b"bad"), "it says bad")
    (dead,) = read_topic(kafka_bootstrap_servers, f"{topic}.dlt", bool)
    assert (dead.key, dead.value) == (b"k", b"bad")


def test_dead_letters_without_key_are_taken_by_a_compacted_topic(
    kafka_bootstrap_servers: str, unique: str
) -> None:
    create_topics(kafka_bootstrap_servers, [f"{unique}.dlt"], configs={"cleanup.policy": "compact"})
    settings = KafkaConsumerSettings(kafka_bootstrap_servers=kafka_bootstrap_servers, kafka_client_id="test")
    with closing(KafkaDeadLetterWriter(settings, "group")) as writer:
        writer.write(ReceivedRecord(unique, 0, 5, None, b"bad"), "the key is null")
        writer.write(UnreadableRecords(unique, 1, 7, 9, "corrupt"), "corrupt")
        replayed = ReceivedRecord(unique, 2, 3, None, b"bad", (("dlt-key-size", b"1"), ("dlt-reason", b"x")))
        writer.write(replayed, "the key is null")
    dead = read_topic(kafka_bootstrap_servers, f"{unique}.dlt", lambda records: len(records) == 3)
    assert {(record.key, dict(record.headers).get("dlt-key")) for record in dead} == {
        (f"{unique}-0-5".encode(), b"null"),
        (f"{unique}-1-7".encode(), b"null"),
        (f"{unique}-2-3".encode(), b"null"),
    }


def test_missing_dead_letter_topic_holds_one_partition_and_says_so(
    start: Start, kafka_bootstrap_servers: str, unique: str
) -> None:
    create_topics(kafka_bootstrap_servers, [unique])
    produce(kafka_bootstrap_servers, unique, [(b"k", b"ok"), (b"k", b"bad"), (b"k", b"ok")], partition=1)
    member = start(unique)
    wait_until(lambda: is_stuck_at(member, "partition 1 at offset 1"), "readiness to name the record")
    for partition in (0, 2):
        produce(kafka_bootstrap_servers, unique, [(b"k", b"ok")] * 5, partition=partition)
    others = {(partition, offset) for partition in (0, 2) for offset in range(5)}
    wait_until(lambda: others <= set(member.recorder.seen), "the other partitions' records")
    assert committed_offset(kafka_bootstrap_servers, unique, unique, 1) == 1
    create_topics(kafka_bootstrap_servers, [f"{unique}.dlt"])
    wait_until(lambda: (1, 2) in member.recorder.seen, "the record behind it", 60)
    wait_until(lambda: committed_offset(kafka_bootstrap_servers, unique, unique, 1) == 3, "the commit")
    wait_until(lambda: member.status.seconds_since_progress() == 0, "nothing to wait any more")


def test_missing_topic_is_named_and_read_once_it_is_made(
    start: Start, kafka_bootstrap_servers: str, unique: str
) -> None:
    first, second = start(unique), start(unique)
    for member in (first, second):
        wait_until(lambda: is_stuck_at(member, f"{unique}: not found in Kafka"), "the missing topic")  # noqa: B023 - called at once
    create_topics(kafka_bootstrap_servers, [unique])
    for partition in range(3):
        produce(kafka_bootstrap_servers, unique, [(b"k", b"ok")], partition=partition)
    wait_until(lambda: len(first.recorder.seen + second.recorder.seen) == 3, "the records", 60)
    for member in (first, second):
        wait_until(lambda: member.status.seconds_since_progress() == 0, "the members to be well")  # noqa: B023 - as above


def test_member_more_than_partitions_misses_no_topic(kafka_bootstrap_servers: str, unique: str) -> None:
    create_topics(kafka_bootstrap_servers, [unique], partitions=1)
    settings = KafkaConsumerSettings(kafka_bootstrap_servers=kafka_bootstrap_servers, kafka_client_id="test")
    with (
        closing(KafkaRecordSource(settings, unique, unique)) as first,
        closing(KafkaRecordSource(settings, unique, unique)) as second,
    ):

        def one_is_idle() -> bool:
            # Side by side, as members do: the group waits for all of them.
            with ThreadPoolExecutor() as threads:
                list(threads.map(lambda source: source.poll(1.0), (first, second)))
            owned = sorted(len(source.positions()) for source in (first, second))
            return owned == [0, 1] and not (first.is_joining() or second.is_joining())

        wait_until(one_is_idle, "a member without partitions")
        assert (first.why_topic_is_missing(), second.why_topic_is_missing()) == (None, None)


def test_topic_that_is_hidden_is_named_and_read_once_permitted(
    unique: str, server_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_source, "_METADATA_MAX_AGE_MS", 500)
    with a_broker_with_access_lists(server_directory / unique) as broker:
        servers = broker.bootstrap_servers
        create_topics(servers, [unique])
        produce(servers, unique, [(b"k", b"ok")])
        hide(servers, unique)
        member = Member(servers, unique, unique)
        try:
            refused = "not found in Kafka for 1 s (TopicAuthorizationFailedError)"
            wait_until(lambda: is_stuck_at(member, f"{unique}: {refused}"), "readiness to say why")
            permit(servers, unique)
            wait_until(lambda: member.recorder.seen == [(0, 0)], "the record", 60)
            wait_until(lambda: member.status.seconds_since_progress() == 0, "the member to be well")
        finally:
            member.stop()


def test_consumer_outlives_a_topic_that_is_deleted_and_made_again(
    start: Start, kafka_bootstrap_servers: str, topic: str
) -> None:
    produce(kafka_bootstrap_servers, topic, [(b"k", b"ok")])
    member = start(topic)
    wait_until(lambda: member.recorder.seen == [(0, 0)], "the first record")
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap_servers)
    admin.delete_topics([topic])
    wait_until(lambda: topic not in admin.list_topics(), "the topic to go")
    create_topics(kafka_bootstrap_servers, [topic])
    admin.close()
    produce(kafka_bootstrap_servers, topic, [(b"k", b"ok")] * 3)
    wait_until(lambda: (0, 2) in member.recorder.seen, "the new topic's records", 60)
    assert member.error is None


def test_consumer_outlives_five_restarts_of_the_broker(unique: str, server_directory: Path) -> None:
    with a_kafka_broker(server_directory / unique) as broker:
        create_topics(broker.bootstrap_servers, [unique])
        member = Member(broker.bootstrap_servers, unique, unique)
        try:
            for offset in range(5):
                produce(broker.bootstrap_servers, unique, [(b"k", b"ok")])
                wait_until(lambda: (0, offset) in member.recorder.seen, f"record {offset}", 60)  # noqa: B023 - called at once
                broker.stop()
                broker.start()
            assert member.error is None
        finally:
            member.stop()
