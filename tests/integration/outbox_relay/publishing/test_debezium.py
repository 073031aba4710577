"""Debezium's outbox event router, reading the same table, writes the same records.

So a team can change from one to the other, and consumers don't notice. What no setting of Debezium makes
equal is in :func:`as_the_relay_writes_it`, and nothing else is left out of the comparison.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from devstack.postgresql import PostgresqlServer
from tests.support.databases import fresh_database, make_roles
from tests.support.debezium import a_debezium, prepare_outbox
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import a_relay_process
from tests.support.topics import create_topics, read_topic

PREFIX = "by-debezium-"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LONG_TEXT = "주문 완료 " * 20_000
"""Kept out of line by PostgreSQL."""

INSERT = """
    INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload, traceparent, created_at)
    VALUES (gen_random_uuid(), :topic, 'order', :key, :type, :source, CAST(:payload AS json), :traceparent,
            coalesce(CAST(:created_at AS timestamptz), clock_timestamp()))
"""


@dataclass(frozen=True)
class Written:
    """A record, and where it lies."""

    partition: int
    key: bytes
    value: bytes
    headers: dict[str, bytes | None]


@pytest.fixture
def logical_outbox(server_directory: Path, unique: str) -> Iterator[Outbox]:
    """An outbox on a server that decodes its log; its events go to ``unique`` and a suffix."""
    directory = server_directory / f"logical-{unique}"
    with PostgresqlServer(directory, durable=False, settings={"wal_level": "logical"}) as server:
        make_roles(server.url())
        with fresh_database(server.url()) as name, an_outbox(server.url(name), unique) as outbox:
            yield outbox


def test_debezium_writes_the_same_records_to_the_same_partitions(
    logical_outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    outbox = logical_outbox
    events = odd_events(outbox.topic)
    counts = {topic: sum(event["topic"] == topic for event in events) for topic in topics(events)}
    create_topics(kafka_bootstrap_servers, [*counts, *(PREFIX + topic for topic in counts)])
    database_url = outbox.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    prepare_outbox(database_url)
    for event in events:
        outbox.run(INSERT, **event)

    with (
        a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": outbox.relay_url}),
        a_debezium(
            tmp_path / "debezium", kafka_bootstrap_servers, database_url,
            transforms__outbox__route__topic__replacement=PREFIX + "${routedByValue}",
        ) as debezium,
    ):  # fmt: skip
        debezium.wait_until_running()
        ours = {topic: written(kafka_bootstrap_servers, topic, n) for topic, n in counts.items()}
        theirs = {topic: written(kafka_bootstrap_servers, PREFIX + topic, n) for topic, n in counts.items()}

    assert {topic: len(records) for topic, records in ours.items()} == counts
    assert {
        topic: [as_the_relay_writes_it(record) for record in found] for topic, found in theirs.items()
    } == ours
    assert {record.value for records in ours.values() for record in records} == {
        event["payload"].encode() for event in events
    }


def as_the_relay_writes_it(record: Written) -> Written:
    """What Debezium has written, without the two differences that no setting of it takes away.

    A column that is null becomes a header without a value, where the relay writes no header. And a time has
    as many digits as it needs, where the relay always writes microseconds.
    """
    headers = {
        name: value for name, value in record.headers.items() if name != "traceparent" or value is not None
    }
    time = headers["ce_time"]
    assert time is not None
    moment = datetime.fromisoformat(time.decode()).astimezone(UTC)
    return replace(record, headers={**headers, "ce_time": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()})


def odd_events(topic: str) -> list[dict[str, Any]]:
    """Events for three topics; what isn't odd in one of them is the ordinary."""
    ordinary = {
        "topic": f"{topic}-a", "key": "k-1", "type": "OrderCompleted", "source": "/order-service",
        "payload": '{"orderId":"k-1","totalAmount":30000}', "traceparent": None, "created_at": None,
    }  # fmt: skip
    changes: list[dict[str, Any]] = [
        {},
        {"traceparent": TRACEPARENT},
        {"key": "주문-1", "payload": '{"name":"첫 주문 5,000원 할인","recipient":"김하나 🎉"}'},
        {"payload": '{ "spaces" :  [ 1.0, 1e3, 12345678901234567890 ],\n "twice": 1, "twice": 2 }'},
        {"payload": json.dumps({"text": "\"'\\/\t\n\u0001 주문"})},
        {"payload": "null"},
        {"payload": "[]", "key": " "},
        {"payload": json.dumps({"text": LONG_TEXT}, ensure_ascii=False), "topic": f"{topic}-b"},
        {"topic": f"{topic}-b", "type": "주문 완료", "source": "urn:shop:주문", "traceparent": TRACEPARENT},
        {"topic": f"{topic}-c", "created_at": "2026-01-01T00:00:00Z"},
        {"topic": f"{topic}-c", "created_at": "2026-07-01T09:30:00.1200+09:00"},
        *({"topic": f"{topic}-c", "key": f"k-{number % 5}"} for number in range(25)),
    ]
    return [{**ordinary, **change} for change in changes]


def topics(events: Sequence[dict[str, Any]]) -> set[str]:
    return {event["topic"] for event in events}


def written(bootstrap_servers: str, topic: str, count: int) -> list[Written]:
    """All of a topic by partition, once there are so many."""
    records = read_topic(bootstrap_servers, topic, lambda found: len(found) >= count, timeout_seconds=60)
    assert all(len(record.headers) == len(dict(record.headers)) for record in records), "a header comes twice"
    found = [Written(record.partition, record.key, record.value, dict(record.headers)) for record in records]
    return sorted(found, key=lambda record: record.partition)
