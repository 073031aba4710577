"""What was committed, compared with what a consumer of its own reads."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from kafka import KafkaConsumer, TopicPartition
from sqlalchemy.exc import DBAPIError

from tests.integration.outbox_relay.outbox import Outbox

_PAUSE_SECONDS = 0.005
# Bounds the load whatever happens: some minutes at most.
_MOST_EVENTS = 60_000


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

    Then goes on to the end of the topic, so that repetitions and what nobody has written are found as well.
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


class SteadyWriter:
    """Writes small transactions without a break until the block is left; the only writer of its keys.

    While the database is away it tries again. Whether a commit whose answer was lost has happened is told by
    the outbox itself, so nobody keeps account here.
    """

    def __init__(self, outbox: Outbox, keys: Sequence[str], pause_seconds: float = _PAUSE_SECONDS) -> None:
        self._outbox = outbox
        self._keys = keys
        self._pause_seconds = pause_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.events = 0
        self.longest_seconds = 0.0
        """The longest that one transaction took."""

    def _write(self) -> None:
        while not self._stop.wait(self._pause_seconds) and self.events < _MOST_EVENTS:
            begun = time.monotonic()
            try:
                with self._outbox.transaction() as transaction:
                    for key in self._keys:
                        transaction.append(key, self.events)
            except DBAPIError:
                self._stop.wait(0.2)
                continue
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - begun)
            self.events += len(self._keys)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()


def _at_end(consumer: KafkaConsumer, partitions: list[TopicPartition]) -> bool:
    ends = consumer.end_offsets(partitions)
    return all(consumer.position(partition) >= ends[partition] for partition in partitions)
