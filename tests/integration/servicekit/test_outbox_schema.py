"""The outbox that a migration makes: its columns, the rights of each role, and that it can be dropped."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Engine, MetaData, create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from servicekit.outbox.ddl import outbox_ddl
from servicekit.outbox.migration import drop_outbox, upgrade_outbox
from servicekit.outbox.schema import OUTBOX
from servicekit.outbox.table import outbox_table
from tests.support.databases import RELAY_ROLE

_COLUMNS = """
SELECT column_name, data_type, udt_name, is_nullable, column_default, is_identity, identity_generation,
       character_maximum_length, numeric_precision, datetime_precision
FROM information_schema.columns
WHERE table_schema = :schema AND table_name = 'outbox'
ORDER BY ordinal_position
"""
_OBJECTS = """
SELECT relname FROM pg_class WHERE relnamespace = CAST(:schema AS regnamespace)
UNION ALL
SELECT proname FROM pg_proc WHERE pronamespace = CAST(:schema AS regnamespace)
"""
_INSERT = (
    "INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload)"
    " VALUES (gen_random_uuid(), 'topic', 'test', 'a', 'Tested', '/test', '{}')"
)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg2"), poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def relay_engine(engine: Engine) -> Iterator[Engine]:
    """What the relay's role sees of an outbox with an event in it."""
    with engine.begin() as connection:
        connection.execute(text("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"))
        upgrade_outbox(operations(connection), to=OUTBOX.newest, relay_role=RELAY_ROLE)
        connection.execute(text(_INSERT))
    relay = create_engine(engine.url.set(username=RELAY_ROLE, password=RELAY_ROLE), poolclass=NullPool)
    yield relay
    relay.dispose()


def operations(connection: Connection) -> Operations:
    return Operations(MigrationContext.configure(connection))


def rows(connection: Connection, statement: str, **parameters: object) -> list[Any]:
    return [tuple(row) for row in connection.execute(text(statement), parameters)]


def test_table_of_a_writer_has_the_columns_that_the_migration_makes(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA writer"))
        outbox_table(metadata := MetaData(), schema="writer")
        metadata.create_all(connection)
        upgrade_outbox(operations(connection), to=OUTBOX.newest, relay_role=RELAY_ROLE)
        columns = {schema: rows(connection, _COLUMNS, schema=schema) for schema in ("public", "writer")}
        keys = {
            schema: inspect(connection).get_pk_constraint("outbox", schema)["constrained_columns"]
            for schema in ("public", "writer")
        }

    assert len(columns["public"]) == 11
    assert columns["writer"] == columns["public"]
    assert keys["writer"] == keys["public"] == ["position"]


def test_outbox_in_another_schema_can_be_dropped_and_made_again(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA shop"))
        for _ in range(2):
            upgrade_outbox(operations(connection), to=OUTBOX.newest, relay_role=RELAY_ROLE, schema="shop")
            assert {"outbox", "outbox_cursor", "outbox_dead_letter", "outbox_rebase"} <= {
                name for (name,) in rows(connection, _OBJECTS, schema="shop")
            }
            drop_outbox(operations(connection), schema="shop")
            assert rows(connection, _OBJECTS, schema="shop") == []
        assert rows(connection, _OBJECTS, schema="public") == []


@pytest.mark.parametrize("shards", [1, 4, 256])
def test_there_is_a_cursor_a_shard(engine: Engine, shards: int) -> None:
    with engine.begin() as connection:
        upgrade_outbox(operations(connection), to=OUTBOX.newest, relay_role=RELAY_ROLE, shards=shards)
        cursors = rows(
            connection, "SELECT shard, shards, CAST(snapshot AS text) FROM outbox_cursor ORDER BY 1"
        )

    assert cursors == [(shard, shards, "1:1:") for shard in range(shards)]


@pytest.mark.parametrize("shards", [0, 257])
def test_number_of_shards_has_bounds(shards: int) -> None:
    with pytest.raises(ValueError, match="shards"):
        outbox_ddl(RELAY_ROLE, shards=shards)


@pytest.mark.parametrize("name", ['relay"; DROP TABLE x; --', "Relay", "", "1relay", "a" * 64])
def test_names_that_are_no_plain_identifiers_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        outbox_ddl(name)
    with pytest.raises(ValueError, match="identifier"):
        outbox_ddl(RELAY_ROLE, schema=name)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT payload FROM outbox",
        "SELECT * FROM outbox_cursor",
        "UPDATE outbox_cursor SET epoch = epoch + 1",
        "UPDATE outbox_dead_letter SET state = 'PARKED'",
        "SELECT outbox_add_partitions(1000, 2, '1 day')",
        "SELECT outbox_drop_partition('1 hour')",
        "SELECT * FROM outbox_partition_bounds()",
        "SELECT * FROM outbox_zone_bounds()",
        "SELECT * FROM outbox_schema_version()",
        "SELECT outbox_rebase()",
        "SELECT outbox_begin_rebase(), outbox_rebase_batch(1000)",
        "SELECT outbox_reshard(2)",
        "SELECT outbox_rewind(now(), false)",
        "SELECT outbox_accept_kafka()",
        "INSERT INTO outbox_kafka_topic VALUES ('topic', 'cluster', NULL)",
    ],
)
def test_relay_may_read_events_and_keep_its_own_books(relay_engine: Engine, statement: str) -> None:
    with relay_engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        _INSERT,
        "UPDATE outbox SET payload = '{}'",
        "DELETE FROM outbox",
        "TRUNCATE outbox",
        "DROP TABLE outbox_p1",
        "DELETE FROM outbox_cursor",
        "DELETE FROM outbox_dead_letter",
        "SELECT nextval(pg_get_serial_sequence('outbox', 'position'))",
        "CREATE TABLE mine (number integer)",
        "SELECT outbox_begin_zone(1, 1)",
        "SELECT outbox_move_on(1000)",
    ],
)
def test_relay_may_change_no_event_and_nothing_else(relay_engine: Engine, statement: str) -> None:
    with (
        relay_engine.begin() as connection,
        pytest.raises(DBAPIError, match=r"permission denied|must be owner"),
    ):
        connection.execute(text(statement))
