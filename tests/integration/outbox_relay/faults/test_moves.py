"""PostgreSQL is upgraded, or a database moves, as the runbook says."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from devstack.postgresql import PostgresqlServer
from devstack.postgresql_programs import DEFAULT_VERSION, PostgresqlPrograms
from tests.support.config import POSTGRESQL_VERSION
from tests.support.databases import RELAY_ROLE, make_roles
from tests.support.relay.delivery_check import committed, receive
from tests.support.relay.fleet import a_relay_of, failing, wait_until_idle, wait_until_ready
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import RelayProcess, relay_command
from tests.support.runbook import code_lines
from tests.support.waiting import wait_until

KEYS = [f"key-{number}" for number in range(5)]
REBASE = "docker compose exec outbox-relay outbox-relay rebase order"


@pytest.fixture(params=[POSTGRESQL_VERSION])
def old(server_directory: Path, unique: str, request: pytest.FixtureRequest) -> Iterator[PostgresqlServer]:
    """A server that others may subscribe to."""
    with PostgresqlServer(
        server_directory / f"old-{unique}",
        version=request.param,
        durable=False,
        settings={"wal_level": "logical"},
    ) as server:
        make_roles(server.url())
        yield server


@pytest.fixture
def new(server_directory: Path, unique: str) -> PostgresqlServer:
    """A server of the newest version, which isn't running yet."""
    return PostgresqlServer(server_directory / f"new-{unique}", durable=False)


# pg_upgrade treats a server of its own version as any other. Only the newest package has all that it needs.
@pytest.mark.parametrize("old", [DEFAULT_VERSION], indirect=True)
def test_upgraded_server_publishes_each_event_once_when_rebased(
    old: PostgresqlServer, new: PostgresqlServer, topic: str, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    servers = kafka_bootstrap_servers
    with an_outbox(old.url(), topic, shards=2) as outbox, a_relay_of(outbox, tmp_path, servers):
        write(outbox, 0, 10)
        wait_until_idle(outbox)
    write(outbox, 10, 12)
    old.stop()

    new.prepare()
    pg_upgrade(old, new)
    with new, an_outbox_on(new, topic) as outbox, a_relay_of(outbox, tmp_path, servers) as relay:
        write(outbox, 12, 14)
        wait_until(lambda: "outbox-relay rebase" in reason_of(relay), "the refusal")
        assert code_lines("PostgreSQL was upgraded by pg_upgrade") == [REBASE]
        assert execute(REBASE, outbox) == "order: rebased, 20 events will be published"
        write(outbox, 14, 16)
        check_all_arrive_once(outbox, servers, 16)
        wait_until_ready(relay)


def test_moved_database_publishes_each_event_once_when_rebased(
    old: PostgresqlServer, new: PostgresqlServer, topic: str, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    servers = kafka_bootstrap_servers
    dump, key, publish, subscribe, syncing, behind, *end, rebase = code_lines(
        "A database moves by logical replication"
    )
    with new, an_outbox(old.url(), topic, shards=2) as outbox:
        make_roles(new.url())
        environment = {"OLD": old.url(), "NEW": new.url()}
        with a_relay_of(outbox, tmp_path, servers):
            write(outbox, 0, 10)
            for line in (dump, key, publish, subscribe):
                shell(line, environment)
            write(outbox, 10, 20)
            wait_until(lambda: shell(syncing, environment) == "", "the tables to be copied")
            write(outbox, 20, 25)
            wait_until_idle(outbox)
        write(outbox, 25, 27)
        wait_until(lambda: shell(behind, environment) == "0", "the subscriber to have caught up")
        for line in end:
            shell(line, environment)

        with an_outbox_on(new, topic) as moved, a_relay_of(moved, tmp_path, servers) as relay:
            write(moved, 27, 29)
            wait_until(lambda: "outbox-relay rebase" in reason_of(relay), "the refusal")
            assert receive(servers, topic, 25 * len(KEYS) + 1, timeout_seconds=2).total == 25 * len(KEYS)
            assert rebase == REBASE
            assert execute(rebase, moved) == "order: rebased, 20 events will be published"
            write(moved, 29, 31)
            check_all_arrive_once(moved, servers, 31)
            wait_until_ready(relay)
            assert moved.run("SELECT count(*) FROM pg_index WHERE indrelid = 'outbox_cursor'::regclass") == [
                (0,)
            ]


def check_all_arrive_once(outbox: Outbox, servers: str, numbers: int) -> None:
    received = receive(servers, outbox.topic, numbers * len(KEYS))
    wait_until_idle(outbox)
    stored = committed(outbox)
    assert {len(ids) for ids in stored.values()} == {numbers}
    assert received.by_key == stored
    assert received.duplicates == 0


def reason_of(relay: RelayProcess) -> str:
    return failing(relay).get("test.publishing", "")


def write(outbox: Outbox, begin: int, end: int) -> None:
    """Events of these numbers for every key, each in a transaction of its own."""
    for number in range(begin, end):
        for key in KEYS:
            outbox.append(key, number)


@contextmanager
def an_outbox_on(server: PostgresqlServer, topic: str) -> Iterator[Outbox]:
    """The one that is there already."""
    engine = create_engine(make_url(server.url()).set(drivername="postgresql+psycopg2"), poolclass=NullPool)
    yield Outbox(engine, server.url(user=RELAY_ROLE), topic)
    engine.dispose()


def execute(command: str, outbox: Outbox) -> str:
    """What the relay's command in the runbook says."""
    program, *arguments = shlex.split(command)[4:]
    assert program == "outbox-relay"
    environment = {"PATH": os.environ["PATH"], "SOURCES__ORDER__DATABASE_URL": outbox.relay_url}
    return _run([relay_command()[0], *arguments], environment)


def shell(line: str, environment: dict[str, str]) -> str:
    """What a line of the runbook says."""
    programs = PostgresqlPrograms().program("psql").parent
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return _run(["sh", "-c", line], {"PATH": path, **environment})


def pg_upgrade(old: PostgresqlServer, new: PostgresqlServer) -> None:
    """From one stopped server's files to another's, which was never started."""
    programs = PostgresqlPrograms()
    folder = str(programs.program("postgres").parent)
    _run(
        [
            *programs.as_user("pg_upgrade"), "--username", "postgres", "--no-sync",
            "--old-bindir", folder, "--old-datadir", str(old.directory / "data"),
            "--new-bindir", folder, "--new-datadir", str(new.directory / "data"),
            "--old-port", str(old.port), "--new-port", str(new.port),
            "--socketdir", str(new.directory / "data"),
        ],
        {"PATH": os.environ["PATH"], "PGPASSWORD": "postgres"},
        new.directory / "data",
    )  # fmt: skip


def _run(command: list[str], environment: dict[str, str], folder: Path | None = None) -> str:
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()
