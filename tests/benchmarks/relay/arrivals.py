"""Reading a topic back: is everything there, in order, and when did it come?"""

import json
import os
import time
from collections import Counter
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition

from tests.benchmarks.relay.backlog import KEYS
from tests.benchmarks.relay.workers import worker_pool
from tests.benchmarks.relay.world import PARTITIONS

_SILENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Arrivals:
    """Times are the broker's, in seconds since the epoch."""

    first_at: float
    last_at: float
    """When the last event came that had not come before."""
    repeated: int
    bytes_an_event: float
    """Keys, values and headers."""


@dataclass
class _Partition:
    keys: Counter[bytes]
    first_at: float
    last_at: float
    records: int
    bytes: int


def read_arrivals(bootstrap_servers: str, topic: str, events: int) -> Arrivals:
    """Raises ValueError when one of events 0 … ``events`` - 1 is missing, or a key's order is broken."""
    # On every core: this isn't timed, and takes longer than what is.
    with worker_pool(os.cpu_count() or 1) as pool:
        jobs = [(bootstrap_servers, topic, number) for number in range(PARTITIONS)]
        partitions = pool.starmap(_read_partition, jobs)
    keys = Counter[bytes]()
    for partition in partitions:
        keys.update(partition.keys)
    expected = {b"key-%d" % number: len(range(number, events, KEYS)) for number in range(min(KEYS, events))}
    if keys != expected:
        raise ValueError(f"{topic}: {keys.total():,} of {events:,} events, or some key's in a wrong place")
    records = sum(partition.records for partition in partitions)
    used = [partition for partition in partitions if partition.records]
    return Arrivals(
        first_at=min(partition.first_at for partition in used),
        last_at=max(partition.last_at for partition in used),
        repeated=records - events,
        bytes_an_event=sum(partition.bytes for partition in partitions) / records,
    )


def _read_partition(bootstrap_servers: str, topic: str, number: int) -> _Partition:
    """How many events of each key it holds, each key's from its first one on without a gap."""
    found = _Partition(keys=Counter(), first_at=0.0, last_at=0.0, records=0, bytes=0)
    partition = TopicPartition(topic, number)
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    try:
        consumer.assign([partition])
        consumer.seek_to_beginning()
        end = consumer.end_offsets([partition])[partition]
        heard_at = time.monotonic()
        while found.records < end:
            batch = consumer.poll(timeout_ms=1_000).get(partition, [])
            if batch:
                heard_at = time.monotonic()
            elif time.monotonic() > heard_at + _SILENCE_SECONDS:
                raise TimeoutError(f"{topic}: partition {number} can't be read to its end")
            for record in batch:
                _count(found, record)
    finally:
        consumer.close()
    return found


def _count(found: _Partition, record: object) -> None:
    key, value, at = record.key, record.value, record.timestamp / 1_000  # type: ignore[attr-defined]
    if not found.records:
        found.first_at = at
    found.records += 1
    found.bytes += len(key) + len(value)
    for name, content in record.headers:  # type: ignore[attr-defined]
        found.bytes += len(name) + len(content or b"")
    ordinal = json.loads(value)["number"] // KEYS
    if ordinal > found.keys[key]:
        raise ValueError(f"{key!r}: event {ordinal} came before event {found.keys[key]}")
    if ordinal == found.keys[key]:
        found.keys[key] += 1
        found.last_at = at
