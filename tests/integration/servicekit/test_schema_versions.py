"""Numbered files: what each makes of a database, and what the database then says."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from servicekit.db.schema import SchemaFamily, SchemaVersion
from servicekit.dead_letters.migration import drop_handled_dead_letters, upgrade_handled_dead_letters
from servicekit.dead_letters.schema import HANDLED_DEAD_LETTERS
from servicekit.idempotency.migration import drop_idempotency_keys, upgrade_idempotency_keys
from servicekit.idempotency.schema import IDEMPOTENCY_KEYS
from servicekit.inbox.migration import drop_inbox, upgrade_inbox
from servicekit.inbox.schema import INBOX
from servicekit.outbox.migration import drop_outbox, upgrade_outbox
from servicekit.outbox.schema import OUTBOX
from tests.support.databases import RELAY_ROLE

UPGRADES: dict[str, Callable[[Any, int], None]] = {
    "outbox": lambda op, to: upgrade_outbox(op, to=to, relay_role=RELAY_ROLE, schema="shop"),
    "inbox": lambda op, to: upgrade_inbox(op, to=to, schema="shop"),
    "handled_dead_letter": lambda op, to: upgrade_handled_dead_letters(op, to=to, schema="shop"),
    "idempotency_key": lambda op, to: upgrade_idempotency_keys(op, to=to, schema="shop"),
}
DROPS: dict[str, Callable[..., None]] = {
    "outbox": drop_outbox,
    "inbox": drop_inbox,
    "handled_dead_letter": drop_handled_dead_letters,
    "idempotency_key": drop_idempotency_keys,
}
FAMILIES = [OUTBOX, INBOX, IDEMPOTENCY_KEYS, HANDLED_DEAD_LETTERS]
OBJECTS = text("""
SELECT relname FROM pg_class WHERE relnamespace = CAST('shop' AS regnamespace)
UNION ALL
SELECT proname FROM pg_proc WHERE pronamespace = CAST('shop' AS regnamespace)
""")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg2"), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA shop"))
    yield engine
    engine.dispose()


def upgrade(connection: Connection, family: SchemaFamily, to: int) -> None:
    UPGRADES[family.name](Operations(MigrationContext.configure(connection)), to)


def found(connection: Connection, family: SchemaFamily) -> SchemaVersion:
    return family.read(connection.connection, "shop")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_each_file_makes_the_version_of_its_number(engine: Engine, family: SchemaFamily) -> None:
    with engine.begin() as connection:
        assert found(connection, family) == SchemaVersion(0, 0)
        for number in range(1, family.newest + 1):
            upgrade(connection, family, number)
            assert found(connection, family).version == number
            assert found(connection, family).oldest_supported <= number


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_version_that_has_been_reached_is_left_as_it_is(engine: Engine, family: SchemaFamily) -> None:
    with engine.begin() as connection:
        upgrade(connection, family, family.newest)
        for number in range(1, family.newest + 1):
            upgrade(connection, family, number)
        assert found(connection, family).version == family.newest


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_version_that_there_is_not_is_refused(engine: Engine, family: SchemaFamily) -> None:
    with engine.begin() as connection, pytest.raises(ValueError, match="there is no"):
        upgrade(connection, family, family.newest + 1)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_what_is_dropped_leaves_nothing_and_can_be_made_again(engine: Engine, family: SchemaFamily) -> None:
    with engine.begin() as connection:
        for number in (1, family.newest):
            upgrade(connection, family, number)
            DROPS[family.name](Operations(MigrationContext.configure(connection)), schema="shop")
            assert list(connection.execute(OBJECTS)) == []


def test_the_record_is_part_of_the_migrations_transaction(engine: Engine) -> None:
    with engine.connect() as connection:
        upgrade(connection, IDEMPOTENCY_KEYS, 1)
        connection.commit()
        upgrade(connection, IDEMPOTENCY_KEYS, 2)
        connection.rollback()
        assert found(connection, IDEMPOTENCY_KEYS) == SchemaVersion(1, 1)


def test_contracting_takes_an_index_that_was_made_before(engine: Engine) -> None:
    with engine.begin() as connection:
        upgrade(connection, IDEMPOTENCY_KEYS, 2)
        statement = "CREATE UNIQUE INDEX idempotency_key_scope_key ON shop.idempotency_key (scope, key)"
        connection.execute(text(statement))
        upgrade(connection, IDEMPOTENCY_KEYS, 3)
        assert found(connection, IDEMPOTENCY_KEYS) == SchemaVersion(3, 2)
