"""A backup restored into another cluster, whose transaction ids have nothing to do with those stored."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from devstack.postgresql import PostgresqlServer
from devstack.postgresql_programs import PostgresqlPrograms
from tests.support.databases import RELAY_ROLE, fresh_database, make_roles
from tests.support.relay.delivery_check import Receipts, committed, receive
from tests.support.relay.fleet import a_relay_of, failing, wait_until_idle, wait_until_ready
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import relay_command
from tests.support.waiting import wait_until

KEYS = [f"key-{number}" for number in range(5)]


@pytest.fixture
def outbox(database_url: str, topic: str) -> Iterator[Outbox]:
    """An outbox of two shards."""
    with an_outbox(database_url, topic, shards=2) as outbox:
        yield outbox


@pytest.mark.parametrize("other_cluster_is", ["younger", "older"])
def test_restored_backup_is_refused_until_it_is_rebased(
    outbox: Outbox,
    own_postgresql: PostgresqlServer,
    kafka_bootstrap_servers: str,
    tmp_path: Path,
    other_cluster_is: str,
) -> None:
    servers, topic = kafka_bootstrap_servers, outbox.topic
    if other_cluster_is == "younger":
        use_up_xids(outbox, 3_000)
    with a_relay_of(outbox, tmp_path, servers) as relay:
        write(outbox, 0, 10)
        assert receive(servers, topic, 50).total == 50
        wait_until_idle(outbox)
        relay.terminate()
    write(outbox, 10, 12)

    with own_postgresql as server:
        make_roles(server.url())
        with restored(outbox, server) as copy:
            if other_cluster_is == "older":
                use_up_xids(copy, xmax(outbox) - xmax(copy) + 500)
            assert (xmax(copy) > xmax(outbox)) == (other_cluster_is == "older")
            write(copy, 12, 13)
            with copy.transaction() as transaction, transaction.connection.begin_nested():
                for key in KEYS:
                    transaction.append(key, 13)
            with a_relay_of(copy, tmp_path, servers) as relay:
                reason = wait_until(lambda: failing(relay).get("test.publishing"), "readiness to say so")
                assert "outbox-relay rebase" in str(reason)
                wait_until(lambda: "outbox-relay rebase" in relay.log.read_text(), "the log to say so")
                assert receive(servers, topic, 51, timeout_seconds=2).total == 50
                output = rebase(copy)
                write(copy, 14, 16)

                received = receive(servers, topic, 16 * len(KEYS))
                wait_until_ready(relay)
                wait_until_idle(copy)
            check_in_order(copy, received)
            assert received.total == 16 * len(KEYS)
            assert output == f"test: rebased, {4 * len(KEYS)} events will be published"
            assert received.duplicates == 0


def test_backup_taken_inside_of_a_window_loses_nothing_when_rebased(
    outbox: Outbox, own_postgresql: PostgresqlServer, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    servers, topic = kafka_bootstrap_servers, outbox.topic
    with a_relay_of(outbox, tmp_path, servers, page_events=2) as relay:
        with outbox.transaction() as transaction:
            for number in range(400):
                transaction.append(KEYS[number % len(KEYS)], number)
        wait_until(lambda: outbox.run("SELECT FROM outbox_cursor WHERE window_position > 0"), "a window")
        relay.kill()
    with own_postgresql as server:
        make_roles(server.url())
        with restored(outbox, server) as copy, a_relay_of(copy, tmp_path, servers) as relay:
            wait_until(lambda: failing(relay).get("test.publishing"), "the refusal")
            rebase(copy)
            received = receive(servers, topic, 400)
            wait_until_ready(relay)
        check_in_order(outbox, received)
    assert received.total == 400


def rebase(outbox: Outbox) -> str:
    """What the command says."""
    command = [relay_command()[0], "rebase", "test"]
    environment = {"SOURCES__TEST__DATABASE_URL": outbox.relay_url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def write(outbox: Outbox, begin: int, end: int) -> None:
    """Events of these numbers for every key, each in a transaction of its own."""
    for number in range(begin, end):
        for key in KEYS:
            outbox.append(key, number)


def check_in_order(outbox: Outbox, received: Receipts) -> None:
    for key, ids in committed(outbox).items():
        assert received.by_key[key] == ids, key


def xmax(outbox: Outbox) -> int:
    """How many transactions the cluster has had."""
    return int(
        outbox.run("SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)")[0][0]
    )


def use_up_xids(outbox: Outbox, number: int) -> None:
    """Make this cluster's transaction ids those of an older one."""
    with outbox.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(
            f"DO $$ BEGIN FOR counter IN 1..{number} LOOP"
            " PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
        )


@contextmanager
def restored(outbox: Outbox, server: PostgresqlServer) -> Iterator[Outbox]:
    """The outbox's database, dumped and restored into a new one on ``server``."""
    programs = PostgresqlPrograms()
    with fresh_database(server.url()) as name:
        # The newest pg_dump, whatever the server: releases before 17 don't know this setting.
        dump = run(programs.program("pg_dump"), "--dbname", url_of(outbox))
        dump = dump.replace(b"SET transaction_timeout = 0;\n", b"")
        script = ["--set", "ON_ERROR_STOP=1", "--quiet", "--no-psqlrc", "--dbname", server.url(database=name)]
        run(programs.program("psql"), *script, given=dump)
        engine = create_engine(
            make_url(server.url(database=name)).set(drivername="postgresql+psycopg2"), poolclass=NullPool
        )
        yield Outbox(engine, server.url(database=name, user=RELAY_ROLE), outbox.topic)
        engine.dispose()


def run(program: Path, *arguments: str, given: bytes | None = None) -> bytes:
    done = subprocess.run([program, *arguments], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def url_of(outbox: Outbox) -> str:
    return outbox.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
