"""A service's database as the relay sees it: written to with servicekit, read with the relay's own rights."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Engine, MetaData, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from servicekit.outbox.event import OutboxEvent
from servicekit.outbox.migration import upgrade_outbox
from servicekit.outbox.schema import OUTBOX
from servicekit.outbox.table import outbox_table
from servicekit.outbox.writer import OutboxWriter
from tests.support.databases import RELAY_ROLE


@dataclass(frozen=True)
class Outbox:
    """An outbox whose events go to ``topic``."""

    engine: Engine
    relay_url: str
    topic: str

    @contextmanager
    def transaction(self) -> Iterator["Transaction"]:
        """A transaction that commits at the end of the block."""
        with self.engine.begin() as connection:
            yield Transaction(connection, self.topic)

    @contextmanager
    def open_transaction(self) -> Iterator["Transaction"]:
        """A transaction that stays open until the test commits it, and else rolls back."""
        with self.engine.connect() as connection:
            yield Transaction(connection, self.topic)

    def append(self, key: str, number: int = 0) -> UUID:
        """One event in a transaction of its own."""
        with self.transaction() as transaction:
            return transaction.append(key, number)

    def append_many(self, count: int, keys: int = 7) -> None:
        """So many events in one transaction, numbered from 0."""
        with self.transaction() as transaction:
            for number in range(count):
                transaction.append(f"key-{number % keys}", number)

    def cursor(self) -> dict[str, Any]:
        """The cursor's row, with the xid that wrote it."""
        with self.engine.connect() as connection:
            row = connection.execute(text("SELECT *, xmin AS written_by FROM outbox_cursor")).mappings().one()
            return dict(row)

    def dead_letters(self) -> dict[int, tuple[str, str]]:
        """State and kind of each dead letter, by the number of its event."""
        rows = self.run("SELECT CAST(payload ->> 'number' AS integer), state, kind FROM outbox_dead_letter")
        return {number: (state, kind) for number, state, kind in rows}

    def run(self, statement: str, **parameters: object) -> list[Any]:
        with self.engine.begin() as connection:
            result = connection.execute(text(statement), parameters)
            return list(result) if result.returns_rows else []


class Transaction:
    """Appends events on one connection."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self.connection = connection
        self._topic = topic
        self._writer = OutboxWriter(connection, outbox_table(MetaData()), "/test")

    def append(self, key: str, number: int = 0, payload: dict[str, Any] | None = None) -> UUID:
        event_id = uuid4()
        body = {"number": number} if payload is None else payload
        self._writer.append(OutboxEvent(event_id, self._topic, key, "test", "Tested", body))
        return event_id

    def run(self, statement: str, **parameters: object) -> None:
        self.connection.execute(text(statement), parameters)

    def commit(self) -> None:
        self.connection.commit()


@contextmanager
def an_outbox(database_url: str, topic: str, shards: int = 1) -> Iterator[Outbox]:
    """An empty outbox with its cursors at the beginning, in an empty database."""
    url = make_url(database_url)
    engine = create_engine(url.set(drivername="postgresql+psycopg2"), poolclass=NullPool)
    with engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        upgrade_outbox(operations, to=OUTBOX.newest, relay_role=RELAY_ROLE, shards=shards)
    relay_url = url.set(drivername="postgresql", username=RELAY_ROLE, password=RELAY_ROLE)
    yield Outbox(engine, relay_url.render_as_string(hide_password=False), topic)
    engine.dispose()
