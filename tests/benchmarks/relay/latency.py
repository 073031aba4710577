"""How long after its commit an event is in a consumer's hands, at a steady rate."""

import json
import statistics
import time
from dataclasses import dataclass
from uuid import uuid4

from kafka import KafkaConsumer, TopicPartition
from sqlalchemy import MetaData, create_engine

from servicekit.outbox.event import OutboxEvent
from servicekit.outbox.table import outbox_table
from servicekit.outbox.writer import OutboxWriter
from tests.benchmarks.relay.backlog import EVENT_TYPE, KEYS, SOURCE, VALUE_BYTES
from tests.benchmarks.relay.systems import System
from tests.benchmarks.relay.topic_end import wait_for_records
from tests.benchmarks.relay.workers import worker_pool
from tests.benchmarks.relay.world import PARTITIONS, World

EVENTS_PER_SECOND = 200
WARM_UP_SECONDS = 10
"""Written at the same rate and not counted: Java compiles meanwhile what it runs often."""

_STARTING_SECONDS = 120.0
_SILENCE_SECONDS = 30.0
_NANOSECONDS = 1e9


@dataclass(frozen=True)
class Latency:
    """From the moment at which the writer's commit had returned; below 0 if the event was faster."""

    events: int
    events_per_second: float
    """As written: less than asked for if the machine was too slow."""
    p50_ms: float
    p99_ms: float
    longest_ms: float


def measure_latency(world: World, system: System, seconds: int) -> Latency:
    """The writer and the consumer are processes of their own, the same for every system."""
    topic = world.new_topic()
    system.prepare(world)
    counted = EVENTS_PER_SECOND * seconds
    events = EVENTS_PER_SECOND * WARM_UP_SECONDS + counted
    with system.run(world), worker_pool(2) as pool:
        # The system has started once the first event has gone through.
        pool.apply(_write, (world.administrator_url, topic, 1, 0))
        wait_for_records(world.bootstrap_servers, topic, 1, timeout_seconds=_STARTING_SECONDS)
        consumed = pool.apply_async(_consume, (world.bootstrap_servers, topic, events + 1))
        committed = pool.apply(_write, (world.administrator_url, topic, events, 1))
        received = consumed.get()
    numbers = range(events - counted + 1, events + 1)
    delays_ms = [(received[number] - committed[number]) / 1e6 for number in numbers]
    percentiles = statistics.quantiles(delays_ms, n=100, method="inclusive")
    written_in = (committed[numbers[-1]] - committed[numbers[0]]) / _NANOSECONDS
    return Latency(
        events=counted,
        events_per_second=(counted - 1) / written_in,
        p50_ms=percentiles[49],
        p99_ms=percentiles[98],
        longest_ms=max(delays_ms),
    )


def _write(database_url: str, topic: str, events: int, first: int) -> dict[int, int]:
    """One transaction an event; when each commit had returned, on the machine's clock."""
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg2:", 1))
    table = outbox_table(MetaData())
    committed = {}
    began = time.monotonic()
    with engine.connect() as connection:
        writer = OutboxWriter(connection, table, SOURCE)
        for number in range(first, first + events):
            time.sleep(max(0.0, began + (number - first) / EVENTS_PER_SECOND - time.monotonic()))
            writer.append(_event(topic, number))
            connection.commit()
            committed[number] = time.monotonic_ns()
    engine.dispose()
    return committed


def _event(topic: str, number: int) -> OutboxEvent:
    payload = {"number": number, "text": "x" * (VALUE_BYTES - len(f'{{"number":{number},"text":""}}'))}
    return OutboxEvent(uuid4(), topic, f"key-{number % KEYS}", "benchmark", EVENT_TYPE, payload)


def _consume(bootstrap_servers: str, topic: str, events: int) -> dict[int, int]:
    """When each event was first in hands, on the machine's clock."""
    received: dict[int, int] = {}
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
        consumer.seek_to_beginning()
        heard_at = time.monotonic()
        while len(received) < events:
            batches = consumer.poll(timeout_ms=1_000)
            now = time.monotonic_ns()
            if batches:
                heard_at = time.monotonic()
            elif time.monotonic() > heard_at + _SILENCE_SECONDS:
                raise TimeoutError(f"{len(received):,} of {events:,} events")
            for batch in batches.values():
                for record in batch:
                    received.setdefault(json.loads(record.value)["number"], now)
    finally:
        consumer.close()
    return received
