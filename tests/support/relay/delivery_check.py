"""What was committed, compared with what a consumer of its own reads."""

import time
from dataclasses import dataclass, field

from kafka import KafkaConsumer, TopicPartition

from tests.support.relay.outbox import Outbox


@dataclass
class Receipts:
    """What a consumer that drops events it has seen is left with, and how many it has dropped."""

    by_key: dict[str, list[str]] = field(default_factory=dict)
    """The ids of each key, in order of their first arrival."""
    partitions: dict[str, set[int]] = field(default_factory=dict)
    duplicates: int = 0

    @property
    def total(self) -> int:
        return sum(map(len, self.by_key.values()))


def receive(servers: str, topic: str, count: int, timeout_seconds: float = 60.0) -> Receipts:
    """Read from the beginning until ``count`` different events are there, or the deadline has passed.

    Then goes on to the end of the topic, so that repetitions and events without a writer are found as well.
    """
    received = Receipts()
    seen: set[str] = set()
    consumer = KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    try:
        assigned = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(assigned)
        consumer.seek_to_beginning()
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline and not (len(seen) >= count and _at_end(consumer, assigned)):
            for records in consumer.poll(timeout_ms=100).values():
                for record in records:
                    event_id = dict(record.headers)["ce_id"].decode()
                    if event_id in seen:
                        received.duplicates += 1
                        continue
                    seen.add(event_id)
                    key = record.key.decode()
                    received.by_key.setdefault(key, []).append(event_id)
                    received.partitions.setdefault(key, set()).add(record.partition)
    finally:
        consumer.close()
    return received


def committed(outbox: Outbox) -> dict[str, list[str]]:
    """The ids of each key's events as its one writer committed them."""
    ids: dict[str, list[str]] = {}
    for key, event_id in outbox.run("SELECT aggregateid, CAST(id AS text) FROM outbox ORDER BY position"):
        ids.setdefault(key, []).append(event_id)
    return ids


def check_all_arrived(outbox: Outbox, servers: str, timeout_seconds: float = 60.0) -> Receipts:
    """Every event that the outbox holds has arrived, nothing else has, and each key in its order."""
    written = committed(outbox)
    received = receive(servers, outbox.topic, sum(map(len, written.values())), timeout_seconds)
    check_same(written, received)
    return received


def check_same(written: dict[str, list[str]], received: Receipts) -> None:
    """Says which key differs, and not thousands of ids."""
    for key, ids in written.items():
        got = received.by_key.get(key, [])
        assert len(got) == len(ids), f"{key}: {len(got)} of {len(ids)} events arrived"
        wrong = next(
            (place for place, pair in enumerate(zip(ids, got, strict=True)) if len(set(pair)) > 1), None
        )
        assert wrong is None, f"{key}: event {wrong} of {len(ids)} is out of order"
    assert received.by_key.keys() == written.keys()
    assert all(len(partitions) == 1 for partitions in received.partitions.values())


def _at_end(consumer: KafkaConsumer, partitions: list[TopicPartition]) -> bool:
    ends = consumer.end_offsets(partitions)
    return all(consumer.position(partition) >= ends[partition] for partition in partitions)
