"""With what settings it was measured."""

from typing import Any

from devstack import repository
from servicekit.outbox.ddl import DEFAULT_SHARDS
from tests.benchmarks.relay import backlog, bare_producer, latency, world
from tests.support import debezium


def settings_in_force() -> dict[str, Any]:
    """What was set, of all parts; what isn't named has its default."""
    return {
        "postgresql": world.POSTGRESQL_SETTINGS,
        "kafka": _properties((repository.KAFKA_DATA / "broker-kraft.properties").read_text()),
        "topic": {"partitions": world.PARTITIONS, **world.TOPIC_SETTINGS},
        "backlog": {
            "keys": backlog.KEYS,
            "value_bytes": backlog.VALUE_BYTES,
            "events_a_transaction": backlog.EVENTS_A_TRANSACTION,
        },
        "latency": {
            "events_per_second": latency.EVENTS_PER_SECOND,
            "warm_up_seconds": latency.WARM_UP_SECONDS,
        },
        "outbox": {"shards": DEFAULT_SHARDS},
        "relay": "its defaults",
        "bare_producer": bare_producer.PRODUCER_SETTINGS,
        "debezium": {
            "java": debezium.JAVA_OPTIONS,
            "worker": debezium.WORKER,
            "connector": debezium.CONNECTOR,
            "router": debezium.ROUTER,
        },
    }


def _properties(text: str) -> dict[str, str]:
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in (line.partition("=") for line in lines)}
