"""kafka-python alone: what is left of a relay when everything but sending is taken away."""

from dataclasses import dataclass
from uuid import uuid4

from kafka import KafkaProducer

from tests.benchmarks.relay.arrivals import read_arrivals
from tests.benchmarks.relay.backlog import EVENT_TYPE, SOURCE, key, value
from tests.benchmarks.relay.drain import rate
from tests.benchmarks.relay.workers import worker_pool
from tests.benchmarks.relay.world import World

# Those of the relay's kafka/publisher.py that say how records are batched and acknowledged. The relay gives
# whole batches to its producer, so only this one has to linger for more records.
PRODUCER_SETTINGS = {
    "acks": "all",
    "enable_idempotence": True,
    "allow_auto_create_topics": False,
    "linger_ms": 5,
    "batch_size": 256 * 1024,
    "metrics_enabled": False,
}


@dataclass(frozen=True)
class BareProducer:
    """Figures of one run."""

    events: int
    events_per_second: float
    """From the first arrival to the last one."""
    bytes_an_event: float


def produce(world: World, events: int) -> BareProducer:
    """Send the records that the relay makes of a backlog, made beforehand, from a process of its own."""
    topic = world.new_topic()
    with worker_pool(1) as pool:
        pool.apply(_send_all, (world.bootstrap_servers, topic, events))
    arrivals = read_arrivals(world.bootstrap_servers, topic, events)
    return BareProducer(events, rate(events, arrivals), arrivals.bytes_an_event)


def _send_all(bootstrap_servers: str, topic: str, events: int) -> None:
    records = [(key(number).encode(), value(number), _headers()) for number in range(events)]
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers, **PRODUCER_SETTINGS)
    try:
        futures = [
            producer.send(topic, key=its_key, value=its_value, headers=headers)
            for its_key, its_value, headers in records
        ]
        producer.flush()
        for future in futures:
            future.get(timeout=60)
    finally:
        producer.close()


def _headers() -> list[tuple[str, bytes]]:
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(uuid4()).encode()),
        ("ce_type", EVENT_TYPE.encode()),
        ("ce_source", SOURCE.encode()),
        ("ce_time", b"2026-01-01T00:00:00.123456Z"),
        ("content-type", b"application/json"),
    ]
