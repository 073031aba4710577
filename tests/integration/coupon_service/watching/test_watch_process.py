"""The watch server as a process, with real PostgreSQL and Kafka, killed in the middle."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from devstack.free_ports import find_free_ports
from tests.integration.coupon_service.deciding.test_worker_on_kafka import a_record, a_worker
from tests.integration.coupon_service.service import accepted, create_coupon, published_events, request_of
from tests.support.command_process import CommandProcess
from tests.support.streams import Watcher
from tests.support.topics import produce
from tests.support.waiting import wait_until

USERS, BATCH = 60, 10


@pytest.fixture
def watch(coupon_database_url: str, tmp_path: Path) -> Iterator[tuple[CommandProcess, str]]:
    """The process, and its URL."""
    [port] = find_free_ports(1)
    variables = {"DATABASE_URL": coupon_database_url, "HTTP_PORT": str(port), "REFRESH_MS": "30"}
    process = CommandProcess(["coupon-service", "watch"], variables, tmp_path / "log")
    with process:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: is_ready(url), "the watch server to be ready")
        yield process, url


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_places_never_get_worse_through_kills_redeliveries_and_polls(
    watch: tuple[CommandProcess, str],
    client: FlaskClient,
    engine: Engine,
    coupon_database_url: str,
    kafka_bootstrap_servers: str,
    topic: str,
) -> None:
    process, url = watch
    coupon_id = create_coupon(client, totalQuantity=USERS // 2)
    requests = [accepted(client, user_id, coupon_id) for user_id in range(1, USERS + 1)]
    records = [a_record(event) for event in published_events(engine)]
    polled: list[int | None] = []
    with ExitStack() as stack:
        watchers = [
            stack.enter_context(Watcher(url, one, reconnects=True)) for one in requests[BATCH - 1 :: BATCH]
        ]
        last = watchers[-1]
        wait_until(lambda: last.places == [USERS], "the last place")
        stack.enter_context(a_worker(coupon_database_url, kafka_bootstrap_servers, topic))
        for start in range(0, USERS - BATCH, BATCH):
            # With what came before: the relay sends again what it doesn't know to be there.
            produce(kafka_bootstrap_servers, topic, records[max(0, start - BATCH) : start + BATCH])
            wait_until(lambda start=start: last.places[-1] == USERS - BATCH - start, "the line to move")  # type: ignore[misc]
            polled.append(request_of(client, requests[-1])["place"])
            assert polled[-1] == last.places[-1]
            process.kill()
            process.start()
        produce(kafka_bootstrap_servers, topic, records)
        decisions = [watcher.decision()["status"] for watcher in watchers]
    assert decisions == ["ISSUED"] * 3 + ["REJECTED"] * 3
    assert last.connections > 1
    for watcher in watchers:
        known = [place for place in watcher.places if place is not None]
        assert all(later <= earlier for earlier, later in pairwise(known)), watcher.places


def test_a_stop_ends_streams_in_order_and_the_process_with_0(
    watch: tuple[CommandProcess, str], client: FlaskClient
) -> None:
    process, url = watch
    request_id = accepted(client, 1, create_coupon(client))
    with Watcher(url, request_id) as watcher:
        wait_until(lambda: watcher.places == [1], "a place")
        metrics = httpx.get(f"{url}/metrics", trust_env=False).text
        assert "coupon_watchers 1.0" in metrics
        assert "coupon_watch_refresh_seconds " in metrics
        assert "coupon_watch_seconds_since_refresh " in metrics
        process.signal(signal.SIGTERM)
        assert process.exit_status(10) == 0
        wait_until(lambda: watcher.has_ended, "the end of the stream")
        assert watcher.names[-1] == "reconnect"
