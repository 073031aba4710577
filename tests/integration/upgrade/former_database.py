"""A database of the former release: made by it, and kept as a dump that any supported server can load.

``python -m tests.integration.upgrade.former_database`` makes ``former_release/coupon.sql`` again.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import psycopg2
from sqlalchemy import make_url

from devstack.kafka_broker import KafkaBroker
from devstack.postgresql import PostgresqlServer
from devstack.postgresql_programs import PostgresqlPrograms
from tests.integration.upgrade.former import former_program
from tests.integration.upgrade.processes import a_relay, output, source_variables
from tests.support.databases import RELAY_ROLE, fresh_database, make_roles
from tests.support.topics import create_topics
from tests.support.waiting import wait_until

DUMP = Path(__file__).parent / "former_release" / "coupon.sql"
TOPIC = "topic-of-the-dump"
KEYS = ("key-0", "key-1", "key-2", "key-3")
PUBLISHED = 5
"""Events of each key that had been published."""
WRITTEN = 8
"""Events of each key in the dump."""
REQUEST = "request-before"
"""Its idempotency key and the key of its event."""
# What every supported server can load was dumped from the oldest one.
_SERVER_VERSION = "15"
_TOO_LARGE = "x" * 2_000
_APPEND = (
    "INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload)"
    " VALUES (%s, %s, 'test', %s, 'Tested', '/former', %s)"
)
_REMEMBER = "INSERT INTO idempotency_key (key, fingerprint, reply) VALUES (%s, %s, %s)"


class FormerDatabase:
    """A database of the former release, as its service and its operators use it."""

    def __init__(self, url: str) -> None:
        self.url = url
        relay = make_url(url).set(username=RELAY_ROLE, password=RELAY_ROLE)
        self.relay_url = relay.render_as_string(hide_password=False)

    def run(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        with closing(psycopg2.connect(self.url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def append(self, key: str, number: int, filling: str = "") -> str:
        event_id = str(uuid4())
        self.run(_APPEND, event_id, TOPIC, key, json.dumps({"number": number, "filling": filling}))
        return event_id


def load(url: str, topic: str) -> None:
    """Make the database at ``url``, which is empty, that of the dump, with its events for ``topic``."""
    _psql(url, DUMP.read_text().replace(TOPIC, topic))


def dump_schema(url: str) -> str:
    """All that a schema consists of, as text."""
    return _pg_dump(url, "--schema-only")


def _main() -> None:
    with (
        TemporaryDirectory(prefix="former-", ignore_cleanup_errors=True) as scratch,
        PostgresqlServer(Path(scratch) / "postgresql", version=_SERVER_VERSION, durable=False) as server,
        KafkaBroker(Path(scratch) / "kafka") as broker,
        _new_database(server) as database,
    ):
        create_topics(broker.bootstrap_servers, [TOPIC])
        _fill(database, broker.bootstrap_servers, Path(scratch))
        DUMP.parent.mkdir(exist_ok=True)
        DUMP.write_text(_pg_dump(database.url))


@contextmanager
def _new_database(server: PostgresqlServer) -> Iterator[FormerDatabase]:
    make_roles(server.url())
    with fresh_database(server.url()) as name:
        url = server.url(database=name)
        output(former_program("coupon-service"), "migrate", DATABASE_URL=url)
        yield FormerDatabase(url)


def _fill(database: FormerDatabase, servers: str, scratch: Path) -> None:
    """Published and unpublished events, a key held back by a dead letter, and a letter that was discarded."""
    program, sources = former_program("outbox-relay"), {"coupon": database.relay_url}
    with a_relay(program, scratch, servers, sources, EVENT_MAX_BYTES="1024") as relay:
        for number in range(PUBLISHED):
            for key in KEYS:
                database.append(key, number)
        database.append("held", 0, _TOO_LARGE)
        discarded = database.append("discarded", 0, _TOO_LARGE)
        _wait_for_letters(database, 2)
        database.append("held", 1)
        database.append("held", 2)
        _wait_for_letters(database, 4)
        command = ("dead-letters", "discard", "coupon", discarded, "--by", "tests", "--reason", "to have one")
        output(program, *command, **source_variables(sources))
        wait_until(lambda: _waiting(database) == 0, "everything to be published")
        relay.stop()
    for number in range(PUBLISHED, WRITTEN):
        for key in KEYS:
            database.append(key, number)
    database.append("held", 3)
    database.append(REQUEST, 0)
    database.run(_REMEMBER, REQUEST, "fingerprint-before", json.dumps({"slot": 0}))
    # It names the machine that made the dump.
    database.run("UPDATE outbox_cursor SET leader = 'relay'")


def _wait_for_letters(database: FormerDatabase, count: int) -> None:
    letters = "SELECT count(*) FROM outbox_dead_letter"
    wait_until(lambda: database.run(letters) == [(count,)], f"{count} dead letters")


def _waiting(database: FormerDatabase) -> int:
    """Events that a cursor has not passed, at least."""
    return len(
        database.run(
            "SELECT FROM outbox WHERE EXISTS (SELECT FROM outbox_cursor"
            " WHERE window_snapshot IS NOT NULL OR NOT pg_visible_in_snapshot(outbox.xid, snapshot))"
        )
    )


def _pg_dump(url: str, *options: str) -> str:
    program = PostgresqlPrograms().program("pg_dump")
    done = subprocess.run(
        [program, "--no-owner", *options, "--dbname", url], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # The newest pg_dump sets what old servers don't know, and guards its lines by a word of chance.
    unwanted = ("SET transaction_timeout", "\\restrict", "\\unrestrict", "-- Dumped ")
    return "".join(line for line in done.stdout.splitlines(keepends=True) if not line.startswith(unwanted))


def _psql(url: str, script: str) -> None:
    program = PostgresqlPrograms().program("psql")
    options = ("--set", "ON_ERROR_STOP=1", "--quiet", "--no-psqlrc", "--dbname", url)
    done = subprocess.run([program, *options], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    _main()
