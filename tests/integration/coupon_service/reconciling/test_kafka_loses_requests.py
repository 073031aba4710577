"""Kafka loses requests that were published and not read: they are published again, and decided once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy import Engine, make_url

from coupon_service.config import WorkerSettings
from coupon_service.worker import run
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.service import accepted, create_coupon, rows
from tests.support.databases import RELAY_ROLE
from tests.support.kafka_disk import lose_the_disk
from tests.support.relay.commands import command
from tests.support.relay.delivery_check import receive
from tests.support.relay.fleet import failing
from tests.support.relay.outbox import Outbox
from tests.support.relay.process import a_relay_process
from tests.support.servers import a_kafka_broker
from tests.support.topics import create_topics
from tests.support.waiting import wait_until

TOPIC = "coupon-publish-request"
PRESSES = 20


def test_presses_that_kafka_lost_are_decided_once_after_a_rewind(
    client: FlaskClient,
    engine: Engine,
    coupon_database_url: str,
    server_directory: Path,
    unique: str,
    tmp_path: Path,
) -> None:
    relay_url = make_url(coupon_database_url).set(username=RELAY_ROLE, password=RELAY_ROLE)
    outbox = Outbox(engine, relay_url.render_as_string(hide_password=False), TOPIC)
    coupon_id = create_coupon(client, totalQuantity=PRESSES)
    with a_kafka_broker(server_directory / f"losing-{unique}") as broker:
        servers = broker.bootstrap_servers
        create_topics(servers, [TOPIC, f"{TOPIC}.dlt"])
        with a_worker(coupon_database_url, servers):
            accepted(client, 1_000, coupon_id)
            with a_relay_process(tmp_path, servers, {"test": outbox.relay_url}):
                wait_until(lambda: statuses(engine) == {"ISSUED": 1}, "the first press to be decided")
        with a_relay_process(tmp_path, servers, {"test": outbox.relay_url}) as relay:
            for user_id in range(1, PRESSES + 1):
                accepted(client, user_id, coupon_id)
            assert receive(servers, TOPIC, PRESSES + 1).total == PRESSES + 1
            lose_the_disk(broker)
            create_topics(servers, [TOPIC, f"{TOPIC}.dlt"])
            with a_worker(coupon_database_url, servers):
                wait_until(lambda: "made anew" in " ".join(failing(relay).values()), "the relay to say so")
                assert statuses(engine) == {"ISSUED": 1, "ACCEPTED": PRESSES}
                since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
                command("rewind", "test", "--since", since, "--yes", of=outbox, kafka=servers)
                # One press more than the stock has.
                decided = {"ISSUED": PRESSES, "REJECTED": 1}
                wait_until(lambda: statuses(engine) == decided, "all to be decided", timeout_seconds=60)
    in_order = rows(engine, "SELECT user_id FROM coupon_request ORDER BY decision_number")
    assert [row.user_id for row in in_order] == [1_000, *range(1, PRESSES + 1)]


def statuses(engine: Engine) -> dict[str, int]:
    found = rows(engine, "SELECT status, count(*) AS number FROM coupon_request GROUP BY status")
    return {row.status: row.number for row in found}


@contextmanager
def a_worker(database_url: str, servers: str) -> Iterator[None]:
    """The worker as it is composed, in a thread."""
    settings = WorkerSettings(database_url=database_url, kafka_bootstrap_servers=servers)
    stop = StopSignal()
    thread = threading.Thread(target=run, args=(settings, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
