"""What this release does with a schema that is older or newer than it knows."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psycopg2
import pytest
from sqlalchemy import make_url

from devstack.free_ports import find_free_ports
from devstack.postgresql import PostgresqlServer
from servicekit.outbox.schema import OUTBOX
from tests.integration.upgrade.former import former_program
from tests.integration.upgrade.former_database import dump_schema
from tests.integration.upgrade.processes import a_relay, output, present_program, run, source_variables
from tests.support.databases import RELAY_ROLE, fresh_database
from tests.support.topics import read_topic
from tests.support.waiting import wait_until

RELAY = present_program("outbox-relay")
# What the commands want to know, although they are refused before they use it.
SETTINGS = {
    "HTTP_PORT": "1",
    "PAYMENT_GATEWAY": "in-process",
    "KAFKA_BOOTSTRAP_SERVERS": "localhost:1",
    "ALIMTALK_URL": "http://localhost:1",
    "MONITORING_WEBHOOK_URL": "http://localhost:1",
}


def execute(url: str, script: str, *parameters: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(script, parameters or None)


def record(url: str, family: str, version: int, oldest_supported: int) -> None:
    """Have the database say what a later release's migration will."""
    arguments = "OUT version integer, OUT oldest_supported integer"
    execute(
        url,
        f"CREATE OR REPLACE FUNCTION {family}_schema_version({arguments})"
        f" LANGUAGE sql IMMUTABLE AS 'SELECT {version}, {oldest_supported}'",
    )


def append(url: str, topic: str, key: str) -> None:
    execute(
        url,
        "INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload)"
        " VALUES (gen_random_uuid(), %s, 'test', %s, 'Tested', '/test', '{}')",
        topic,
        key,
    )


@pytest.mark.parametrize(
    ("service", "commands", "family"),
    [
        ("coupon-service", ("api", "worker"), "outbox"),
        ("order-service", ("api",), "idempotency_key"),
        ("notification-service", ("api", "consumer"), "inbox"),
    ],
)
def test_service_starts_on_no_schema_that_does_not_suit_it(
    database_url: str, service: str, commands: tuple[str, ...], family: str
) -> None:
    program, variables = present_program(service), {"DATABASE_URL": database_url, **SETTINGS}
    for command in commands:
        refused = run(program, command, **variables)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
        assert refused.stderr.endswith(f"run `{service} migrate`\n")

    output(program, "migrate", **variables)
    record(database_url, family, 9, 8)
    for command in (*commands, "migrate"):
        refused = run(program, command, **variables)
        assert refused.returncode == 2, refused.stderr
        assert refused.stderr.splitlines()[-1].startswith(f"Error: schema {family} has version 9")
        assert refused.stderr.endswith(f"run a newer release of {service}\n")


def test_service_serves_on_a_newer_schema_that_supports_it(database_url: str, tmp_path: Path) -> None:
    program = present_program("order-service")
    output(program, "migrate", DATABASE_URL=database_url)
    record(database_url, "outbox", 9, 2)
    with an_api(program, database_url, tmp_path / "log") as url:
        wait_until(lambda: httpx.get(f"{url}/readyz").is_success, "the API to be ready")
    assert (tmp_path / "log").read_text().count("schema_is_newer") == 1


def test_service_starts_while_its_database_does_not_answer(tmp_path: Path) -> None:
    (free_port,) = find_free_ports(1)
    url = f"postgresql://user:password@127.0.0.1:{free_port}/order"
    with an_api(present_program("order-service"), url, tmp_path / "log") as url:
        wait_until(lambda: httpx.get(f"{url}/healthz").is_success, "the API to live")
        assert httpx.get(f"{url}/readyz").status_code == 503
    assert (tmp_path / "log").read_text().count("schema_not_checked") == 1


@contextmanager
def an_api(program: Path, database_url: str, log: Path) -> Iterator[str]:
    (port,) = find_free_ports(1)
    variables = {**SETTINGS, "DATABASE_URL": database_url, "HTTP_PORT": str(port)}
    with (
        log.open("wb") as stderr,
        subprocess.Popen([program, "api"], env=variables, stderr=stderr) as process,
    ):
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture
def other_database_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    with fresh_database(postgresql_server.url()) as name:
        yield postgresql_server.url(database=name)


def of_the_relay(url: str) -> str:
    return make_url(url).set(username=RELAY_ROLE, password=RELAY_ROLE).render_as_string(hide_password=False)


def test_relay_refuses_a_contracted_outbox_and_serves_others(
    database_url: str, other_database_url: str, topic: str, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    contracted, expanded = database_url, other_database_url
    sources = {"contracted": of_the_relay(contracted), "expanded": of_the_relay(expanded)}
    for url in (contracted, expanded):
        execute(url, output(RELAY, "ddl"))
    record(contracted, "outbox", 9, 8)
    record(expanded, "outbox", 9, 2)
    append(contracted, topic, "contracted")
    append(expanded, topic, "expanded")
    sentence = (
        "UnsuitedSchema: schema outbox has version 9, made for releases that know version 8 or later,"
        f" and this release of outbox-relay knows {OUTBOX.newest}: run a newer release of outbox-relay"
    )
    with a_relay(RELAY, tmp_path, kafka_bootstrap_servers, sources) as relay:
        [arrived] = read_topic(kafka_bootstrap_servers, topic, lambda records: len(records) >= 1)
        assert arrived.key == b"expanded"
        wait_until(lambda: relay.failing().get("contracted.database") == sentence, "readiness to say so")
        assert {name.split(".")[0] for name in relay.failing()} == {"contracted"}
        assert relay.source("contracted")["lastError"] == sentence.removeprefix("UnsuitedSchema: ")
        refused = run(RELAY, "reshard", "contracted", "--shards", "2", **source_variables(sources))
        assert (refused.returncode, refused.stderr) == (1, sentence.replace("UnsuitedSchema", "Error") + "\n")
        assert relay.log.read_text().count("schema_is_newer") == 1

        record(contracted, "outbox", 2, 1)
        records = read_topic(kafka_bootstrap_servers, topic, lambda records: len(records) >= 2)
        assert {record.key for record in records} == {b"contracted", b"expanded"}
        wait_until(lambda: not relay.failing(), "the relay to be ready")


def test_relay_says_what_to_run_for_a_database_without_an_outbox(
    database_url: str, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    sources = {"empty": of_the_relay(database_url)}
    with a_relay(RELAY, tmp_path, kafka_bootstrap_servers, sources) as relay:
        sentence = (
            "UnsuitedSchema: schema outbox is missing, and this release of outbox-relay needs version 1:"
            " run its service's migration, or the SQL of `outbox-relay ddl --from 0`"
        )
        wait_until(lambda: relay.failing().get("empty.database") == sentence, "readiness to say so")
        execute(database_url, output(RELAY, "ddl", "--from", "0"))
        wait_until(lambda: not relay.failing(), "the relay to be ready")


def test_ddl_prints_only_what_comes_after_the_version_that_is_there(
    database_url: str, other_database_url: str
) -> None:
    execute(database_url, output(former_program("outbox-relay"), "ddl", "--shards", "7"))
    execute(database_url, output(RELAY, "ddl", "--from", "1"))
    execute(other_database_url, output(RELAY, "ddl", "--shards", "7"))

    assert dump_schema(database_url) == dump_schema(other_database_url)
    assert output(RELAY, "ddl", "--from", str(OUTBOX.newest)) == ""


@pytest.mark.parametrize("version", ["-1", str(OUTBOX.newest + 1), "one"])
def test_ddl_refuses_a_version_that_there_is_not_in_one_line(version: str) -> None:
    refused = run(RELAY, "ddl", "--from", version)

    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "--from" in refused.stderr
