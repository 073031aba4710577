"""Metrics, one log line a batch, and the memory of a running relay."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from tests.support.relay.fleet import a_relay_of, led
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import RelayProcess
from tests.support.waiting import wait_until

PAYLOAD_BYTES = 4_000
BACKLOG_EVENTS = 60_000


@pytest.fixture
def outbox(database_url: str, topic: str) -> Iterator[Outbox]:
    """An outbox of two shards."""
    with an_outbox(database_url, topic, shards=2) as outbox:
        yield outbox


@contextmanager
def a_relay_that_leads(
    outbox: Outbox, directory: Path, servers: str, **settings: object
) -> Iterator[RelayProcess]:
    """The only relay of the outbox, once it leads both shards."""
    with a_relay_of(outbox, directory, servers, **settings) as relay:
        wait_until(lambda: led(relay) == {0, 1}, "both shards to be led")
        yield relay


def test_metrics_show_what_was_published_what_waits_and_the_leader(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with a_relay_that_leads(outbox, tmp_path, kafka_bootstrap_servers, event_max_bytes=2_000) as relay:
        outbox.append_many(300)
        wait_until_published(relay, outbox, 300)
        append_large(outbox, "key-0", 2_500)
        wait_until(lambda: sum(values(relay, "dead_letters")) == 1, "the dead letter to be counted")
        wait_until(lambda: sum(values(relay, "lag_events")) == 0, "nothing to wait")

        assert values(relay, "leader") == [1, 1]
        assert sorted(values(relay, "dead_letters")) == [0, 1]
        assert values(relay, "lag_seconds") == [0, 0]
        assert sum(values(relay, "failures_total", kind="too_large")) == 1
        assert value(relay, "page_events_sum") == 300
        pages = value(relay, "page_events_count")
        assert pages == value(relay, "page_publish_seconds_count")
        assert 2 * pages == value(relay, "stored_to_acknowledged_seconds_count")
        assert (
            value(relay, "stored_to_acknowledged_seconds_sum") > value(relay, "page_publish_seconds_sum") > 0
        )
        assert value(relay, "oldest_event_seconds") > 0


def test_a_batch_is_a_line_in_the_log_and_a_poll_without_work_is_none(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with a_relay_that_leads(outbox, tmp_path, kafka_bootstrap_servers, poll_interval_ms=10) as relay:
        before = transactions(outbox)
        wait_until(lambda: transactions(outbox) > before + 100, "some polls")
        assert published(relay) == []
        for count, total in ((1, 1), (40, 41), (3, 44)):
            outbox.append_many(count)
            wait_until_published(relay, outbox, total)
        assert sum(published(relay)) == 44
        assert 0 not in published(relay)
        assert len(published(relay)) == value(relay, "page_events_count")


def test_memory_does_not_grow_with_the_backlog(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    """Two pages of `PAGE_EVENTS` or `PAGE_BYTES` are on their way at most: far less than what waits here."""
    with a_relay_that_leads(outbox, tmp_path, kafka_bootstrap_servers, page_bytes=1_000_000) as relay:
        outbox.append_many(500)
        wait_until_published(relay, outbox, 500)
        before = most_memory_bytes(relay)
        append_backlog(outbox)
        wait_until_published(relay, outbox, 500 + BACKLOG_EVENTS, timeout_seconds=120)
        assert most_memory_bytes(relay) - before < BACKLOG_EVENTS * PAYLOAD_BYTES / 8


def values(relay: RelayProcess, name: str, **labels: str) -> list[float]:
    """Of every series of this name that has these labels."""
    families = text_string_to_metric_families(httpx.get(f"{relay.url}/metrics", timeout=5).text)
    return [
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == f"outbox_relay_{name}" and labels.items() <= sample.labels.items()
    ]


def value(relay: RelayProcess, name: str, **labels: str) -> float:
    return sum(values(relay, name, **labels))


def wait_until_published(
    relay: RelayProcess, outbox: Outbox, total: int, timeout_seconds: float = 30.0
) -> None:
    """Until so many events have been acknowledged, by the relay's own count."""
    wait_until(
        lambda: value(relay, "events_published_total", topic=outbox.topic) == total,
        f"{total} events to be published",
        timeout_seconds,
    )


def published(relay: RelayProcess) -> list[int]:
    """The events of each batch in the log."""
    return [line["events"] for line in relay.logged("info") if line["event"] == "events_published"]


def transactions(outbox: Outbox) -> int:
    """How many there have been in the database; each poll of the relay is one."""
    return int(
        outbox.run("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")[0][0]
    )


def append_large(outbox: Outbox, key: str, size_bytes: int) -> None:
    insert(outbox, 1, size_bytes, key)


def append_backlog(outbox: Outbox) -> None:
    insert(outbox, BACKLOG_EVENTS, PAYLOAD_BYTES, "key-")


def insert(outbox: Outbox, count: int, size_bytes: int, key: str) -> None:
    with outbox.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload)"
                " SELECT gen_random_uuid(), :topic, 'test', :key || number % 50, 'Tested', '/test',"
                " CAST(:payload AS json) FROM generate_series(1, :count) number"
            ),
            {
                "topic": outbox.topic,
                "key": key,
                "payload": json.dumps({"filled": "x" * size_bytes}),
                "count": count,
            },
        )


def most_memory_bytes(relay: RelayProcess) -> int:
    """The most that the process has ever had in memory."""
    status = Path(f"/proc/{relay.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
