"""Making, filling and reading topics, as any Kafka client would."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError
from kafka.serializer import Serializer

from tests.support.waiting import wait_until

PARTITIONS = 3


def create_topics(
    bootstrap_servers: str,
    names: Iterable[str],
    partitions: int = PARTITIONS,
    configs: Mapping[str, str] | None = None,
) -> None:
    """Also ones that have just been deleted, which ZooKeeper goes on having for a moment."""
    topics = [NewTopic(name, partitions, 1, topic_configs=dict(configs or {})) for name in names]
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        wait_until(lambda: admin.create_topics(topics), "the topics to be made")
    finally:
        admin.close()


def produce(
    bootstrap_servers: str,
    topic: str,
    records: Sequence[tuple[bytes | None, bytes | None]],
    partition: int = 0,
) -> None:
    """Append (key, value) pairs to one partition; returns when the broker has them all."""
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers)
    try:
        futures = [producer.send(topic, key=key, value=value, partition=partition) for key, value in records]
        for future in futures:
            future.get(timeout=30)
    finally:
        producer.close()


def produce_empty(bootstrap_servers: str, topic: str) -> None:
    """Append a record with neither key nor value, which other clients send and kafka-python refuses to."""
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers, key_serializer=_NothingForKey())
    try:
        producer.send(topic, key=b"anything", value=None, partition=0).get(timeout=30)
    finally:
        producer.close()


class _NothingForKey(Serializer):  # type: ignore[misc]  # kafka-python has no types
    """Slips an empty key past the producer's check of its arguments."""

    def serialize(self, topic: str, headers: object, data: object) -> None:
        return None


def read_topic(
    bootstrap_servers: str,
    topic: str,
    enough: Callable[[Sequence[ConsumerRecord]], bool],
    timeout_seconds: float = 30.0,
) -> list[ConsumerRecord]:
    """All records of ``topic`` from its beginning, each partition's in order, once there are ``enough``.

    After the deadline whatever there is: the caller's assertion then shows what is missing.
    """
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    try:
        deadline = time.monotonic() + timeout_seconds
        consumer.assign(_partitions(consumer, topic, deadline))
        consumer.seek_to_beginning()
        records: list[ConsumerRecord] = []
        while not enough(records) and time.monotonic() < deadline:
            for batch in consumer.poll(timeout_ms=100).values():
                records.extend(batch)
        return records
    finally:
        consumer.close()


def _partitions(consumer: KafkaConsumer, topic: str, deadline: float) -> list[TopicPartition]:
    """A broker that was frozen may name no broker at first, not even itself."""
    while True:
        try:
            numbers = consumer.partitions_for_topic(topic) or set()
        except KafkaError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)
        else:
            return [TopicPartition(topic, number) for number in sorted(numbers)]


def committed_offset(bootstrap_servers: str, group_id: str, topic: str, partition: int) -> int | None:
    """The next offset that ``group_id`` will read."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, group_id=group_id, enable_auto_commit=False)
    try:
        offset: int | None = consumer.committed(TopicPartition(topic, partition))
    finally:
        consumer.close(autocommit=False)
    return offset
