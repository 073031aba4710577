"""The former release's database, upgraded while its writers and its relay run."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka.consumer.fetcher import ConsumerRecord
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.pool import NullPool

from devstack.postgresql import PostgresqlServer
from tests.integration.upgrade.former import former_program
from tests.integration.upgrade.former_database import KEYS, PUBLISHED, REQUEST, FormerDatabase, dump_schema
from tests.integration.upgrade.present_writer import PresentWriter, claim, execute_request
from tests.integration.upgrade.processes import (
    RelayProcess,
    a_relay,
    output,
    present_program,
    run,
    source_variables,
)
from tests.support.databases import fresh_database
from tests.support.topics import read_topic
from tests.support.waiting import wait_until

RELAY = present_program("outbox-relay")
SERVICE = present_program("coupon-service")
WRITER = Path(__file__).with_name("former_writer.py")
SHARDS = 4


@pytest.fixture
def engine(former_database: FormerDatabase) -> Iterator[Engine]:
    engine = an_engine(former_database.url)
    yield engine
    engine.dispose()


def test_expand_and_contract_under_former_writers_lose_nothing(
    former_database: FormerDatabase, engine: Engine, topic: str, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    database, servers = former_database, kafka_bootstrap_servers
    former_relay, sources = former_program("outbox-relay"), {"coupon": database.relay_url}
    output(former_relay, "rebase", "coupon", **source_variables(sources))
    with a_relay(former_relay, tmp_path, servers, sources) as former:
        with a_former_writer(database, topic, ["former-0", "former-1"]):
            wait_for_more(database, "former-0")

            output(SERVICE, "migrate", DATABASE_URL=database.url)  # expands
            assert versions(database) == {"idempotency_key": (2, 1), "inbox": (4, 1), "outbox": (5, 1)}
            wait_for_more(database, "former-0")
            wait_until_arrived(database, servers, topic, "former-0")
            with (
                a_relay(RELAY, tmp_path, servers, sources) as present,
                PresentWriter(engine, topic, "present"),
            ):
                wait_until(lambda: both_lead(former, present), "both releases to lead shards", 60)
                wait_for_more(database, "former-0")
                wait_for_more(database, "present")
        with a_relay(RELAY, tmp_path, servers, sources) as present, PresentWriter(engine, topic, "present-2"):
            former.stop()
            wait_until(lambda: present.leads("coupon") == SHARDS, "this release to lead all shards", 60)
            wait_for_more(database, "present-2")
            contract(database.url)
            assert versions(database)["idempotency_key"] == (3, 2)
            wait_for_more(database, "present-2")
            why = ("--by", "tests", "--reason", "the limit was raised")
            letters = ("dead-letters", "replay", "coupon", "--topic", topic, "--key", "held", *why)
            output(RELAY, *letters, **source_variables(sources))
        with a_relay(RELAY, tmp_path, servers, sources):
            repeat_all_requests(database, engine, topic)
            check_nothing_lost_and_order_kept(database, servers, topic)
    assert set(requests(database).values()) == {1}


def test_key_of_the_former_release_is_known_before_and_after_the_contract(
    former_database: FormerDatabase, engine: Engine
) -> None:
    output(SERVICE, "migrate", DATABASE_URL=former_database.url)
    with engine.begin() as connection:
        assert not claim(connection, REQUEST, "fingerprint-before", "/any")
        assert not claim(connection, REQUEST, "another request's", "/any")
    contract(former_database.url)
    with engine.begin() as connection:
        assert not claim(connection, REQUEST, "fingerprint-before", "/any")
        assert claim(connection, REQUEST, "another request's", "/any")


def test_keys_of_different_scopes_are_independent_once_contracted(
    former_database: FormerDatabase, engine: Engine
) -> None:
    output(SERVICE, "migrate", DATABASE_URL=former_database.url)
    with engine.begin() as connection:
        assert claim(connection, "key", "one", "/users/1")
        assert not claim(connection, "key", "two", "/users/2")
    contract(former_database.url)
    with engine.begin() as connection:
        assert claim(connection, "key", "two", "/users/2")
        assert not claim(connection, "key", "one", "/users/1")


def test_upgraded_and_fresh_databases_are_the_same(postgresql_server: PostgresqlServer) -> None:
    schemas: list[str] = []
    for programs in ([former_program("coupon-service"), SERVICE], [SERVICE]):
        with fresh_database(postgresql_server.url()) as name:
            url = postgresql_server.url(database=name)
            for program in programs:
                output(program, "migrate", DATABASE_URL=url)
            contract(url)
            schemas.append(dump_schema(url))

    upgraded, fresh = schemas
    assert "idempotency_key_schema_version" in fresh
    assert upgraded == fresh


def test_service_refuses_the_former_releases_database_until_it_is_migrated(
    former_database: FormerDatabase,
) -> None:
    refused = run(SERVICE, "api", DATABASE_URL=former_database.url)

    assert refused.returncode == 2
    assert refused.stderr == (
        "Error: schema idempotency_key has version 1, and this release of coupon-service needs version 2:"
        " run `coupon-service migrate`\n"
    )


def an_engine(url: str) -> Engine:
    return create_engine(make_url(url).set(drivername="postgresql+psycopg2"), poolclass=NullPool)


@contextmanager
def a_former_writer(database: FormerDatabase, topic: str, keys: Sequence[str]) -> Iterator[None]:
    """Works until the block is left, and may not have failed by then."""
    command: list[str | Path] = [former_program("python"), WRITER, database.url, topic, *keys]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={}
    ) as process:
        try:
            yield
        finally:
            _, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors


def contract(url: str) -> None:
    output(SERVICE, "migrate", "--contract", DATABASE_URL=url)


def versions(database: FormerDatabase) -> dict[object, tuple[object, object]]:
    rows = database.run(
        "SELECT 'idempotency_key', * FROM idempotency_key_schema_version()"
        " UNION ALL SELECT 'inbox', * FROM inbox_schema_version()"
        " UNION ALL SELECT 'outbox', * FROM outbox_schema_version()"
    )
    return {family: (version, oldest_supported) for family, version, oldest_supported in rows}


def both_lead(*relays: RelayProcess) -> bool:
    return all(relay.leads("coupon") for relay in relays)


def count(database: FormerDatabase, key: str) -> int:
    [[number]] = database.run("SELECT count(*) FROM outbox WHERE aggregateid = %s", key)
    assert isinstance(number, int)
    return number


def wait_for_more(database: FormerDatabase, key: str) -> None:
    """Until the writer of this key has gone on a good deal."""
    wanted = count(database, key) + 20
    wait_until(lambda: count(database, key) >= wanted, f"more events of {key}")


def wait_until_arrived(database: FormerDatabase, servers: str, topic: str, key: str) -> None:
    """Until the relay has published the latest event of this key."""
    latest = "SELECT CAST(id AS text) FROM outbox WHERE aggregateid = %s ORDER BY position DESC LIMIT 1"
    [[event_id]] = database.run(latest, key)
    records = read_topic(servers, topic, lambda records: event_id in arrived(records).get(key, []))
    assert event_id in arrived(records)[key]


def requests(database: FormerDatabase) -> dict[str, object]:
    """How often each was executed."""
    statement = "SELECT aggregateid, count(*) FROM outbox WHERE aggregateid ~ '^request-[0-9]+$' GROUP BY 1"
    return {str(key): executions for key, executions in database.run(statement)}


def repeat_all_requests(database: FormerDatabase, engine: Engine, topic: str) -> None:
    """As clients do that have got no answer from the former release."""
    with engine.begin() as connection:
        for key in requests(database):
            execute_request(connection, topic, int(key.removeprefix("request-")))


def check_nothing_lost_and_order_kept(database: FormerDatabase, servers: str, topic: str) -> None:
    written = to_arrive(database)
    total = sum(map(len, written.values()))

    def enough(records: Sequence[ConsumerRecord]) -> bool:
        return len(records) >= total and sum(map(len, arrived(records).values())) >= total

    found = arrived(read_topic(servers, topic, enough, timeout_seconds=60))
    assert found.keys() == written.keys()
    for key, ids in written.items():
        assert found[key] == ids, key


def to_arrive(database: FormerDatabase) -> dict[str, list[str]]:
    """The ids of each key's events, in order, that were neither published before the dump nor discarded."""
    ids: dict[str, list[str]] = {}
    for key, number, event_id in database.run(
        "SELECT aggregateid, CAST(payload ->> 'number' AS bigint), CAST(id AS text) FROM outbox"
        " WHERE aggregateid <> 'discarded' ORDER BY position"
    ):
        assert isinstance(number, int)
        if key not in KEYS or number >= PUBLISHED:
            ids.setdefault(str(key), []).append(str(event_id))
    return ids


def arrived(records: Sequence[ConsumerRecord]) -> dict[str, list[str]]:
    """The ids of each key that are left for a consumer that drops those that it has seen."""
    ids: dict[str, dict[str, None]] = {}
    for record in records:
        event_id = dict(record.headers)["ce_id"].decode()
        ids.setdefault(record.key.decode(), {})[event_id] = None
    return {key: list(seen) for key, seen in ids.items()}
