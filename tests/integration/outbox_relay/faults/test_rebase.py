"""Rebasing goes on in batches while services write, and may be killed at any point."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from outbox_relay.postgresql.cursors import REBASED_ROWS
from tests.support.relay.commands import command, command_status
from tests.support.relay.delivery_check import committed, receive
from tests.support.relay.fleet import a_relay_of, failing, wait_until_idle
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import relay_command
from tests.support.waiting import wait_until

KEYS = 5
_APPEND = """
    INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload)
    SELECT gen_random_uuid(), :topic, 'test', 'key-' || number % :keys, 'Tested', '/test',
           json_build_object('number', number)
    FROM generate_series(0, :events - 1) AS number
"""
# As after a restore: the key is younger than the rows.
_COME_FROM_ANOTHER_CLUSTER = """
    UPDATE outbox_cursor SET system_identifier = 1;
    ALTER TABLE outbox DROP CONSTRAINT outbox_pkey, ADD PRIMARY KEY (position);
"""


@pytest.fixture
def outbox(database_url: str, topic: str) -> Iterator[Outbox]:
    """An outbox of two shards."""
    with an_outbox(database_url, topic, shards=2) as outbox:
        yield outbox


def test_no_writer_waits_a_second_while_many_rows_are_rebased(outbox: Outbox) -> None:
    outbox.run(_APPEND, topic=outbox.topic, keys=KEYS, events=200_000)
    outbox.run(_COME_FROM_ANOTHER_CLUSTER)

    with a_steady_writer(outbox) as written:
        wait_until(lambda: written, "the writer")
        before = len(written)
        assert command("rebase", "test", of=outbox).startswith("test: rebased, 200")
        assert len(written) > before
    assert outbox.run("SELECT count(*) FROM outbox_rebasing") == [(0,)]


def test_rebase_waits_for_an_open_transaction_without_holding_writers_up(outbox: Outbox) -> None:
    outbox.run(_COME_FROM_ANOTHER_CLUSTER)
    with outbox.open_transaction() as held:
        held.append("key-0")
        with a_rebase(outbox) as rebase, a_steady_writer(outbox) as written:
            wait_until(lambda: len(written) > 20, "the writer")
            assert rebase.poll() is None
            assert outbox.run("SELECT FROM outbox_rebasing") == []
            held.commit()
            assert rebase.wait(30) == 0


def test_killed_rebase_is_gone_on_with_and_loses_no_event(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    servers, events = kafka_bootstrap_servers, 3 * REBASED_ROWS
    with a_relay_of(outbox, tmp_path, servers):
        outbox.run(_APPEND, topic=outbox.topic, keys=KEYS, events=events)
        assert receive(servers, outbox.topic, events).total == events
        wait_until_idle(outbox)
    outbox.append_many(100, KEYS)
    outbox.run(_COME_FROM_ANOTHER_CLUSTER)

    with outbox.open_transaction() as held:
        held.run("SELECT FROM outbox WHERE position = (SELECT min(position) + 10 FROM outbox) FOR UPDATE")
        with a_rebase(outbox) as rebase:
            wait_until(lambda: is_waiting_for_a_row(outbox), "the last batch to wait for the row")
            assert outbox.run(
                "SELECT position < (SELECT max(position) FROM outbox) FROM outbox_rebasing"
            ) == [(True,)]
            rebase.kill()
    outbox.append_many(100, KEYS)
    with a_relay_of(outbox, tmp_path, servers) as relay:
        wait_until(lambda: failing(relay).get("test.publishing"), "the refusal")
        status, said = command_status(
            "rewind", "test", "--since", "2026-01-31T09:30:00Z", of=outbox, kafka=servers
        )
        assert status == 1
        assert "run outbox-relay rebase first" in said
        assert command("rebase", "test", of=outbox) == "test: rebased, 100 events will be published"
        outbox.append_many(100, KEYS)

        received = receive(servers, outbox.topic, events + 300)
        wait_until_idle(outbox)
    assert received.duplicates == 0
    for key, ids in committed(outbox).items():
        assert received.by_key[key] == ids, key


@contextmanager
def a_rebase(outbox: Outbox) -> Iterator[subprocess.Popen[str]]:
    environment = {"PATH": os.environ["PATH"], "SOURCES__TEST__DATABASE_URL": outbox.relay_url}
    with subprocess.Popen([relay_command()[0], "rebase", "test"], env=environment, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def a_steady_writer(outbox: Outbox) -> Iterator[list[int]]:
    """Counts its events; none may wait for a lock for a second."""
    stop, written, errors = threading.Event(), list[int](), list[Exception]()

    def write() -> None:
        try:
            while not stop.is_set():
                with outbox.transaction() as transaction:
                    transaction.run("SET LOCAL lock_timeout = '1s'")
                    transaction.append(f"key-{len(written) % KEYS}", len(written))
                written.append(len(written))
        except Exception as error:  # noqa: BLE001 - the test tells of it
            errors.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield written
    finally:
        stop.set()
        thread.join()
    assert errors == []


def is_waiting_for_a_row(outbox: Outbox) -> bool:
    waiting = text(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%outbox_rebase_batch%'"
    )
    with outbox.engine.connect() as connection:
        return connection.execute(waiting).first() is not None
