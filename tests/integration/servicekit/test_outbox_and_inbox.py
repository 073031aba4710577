"""The outbox and the inbox join the caller's transaction and never commit it."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from opentelemetry.trace import SpanKind
from sqlalchemy import Connection, Engine, MetaData, func, select, text
from sqlalchemy.exc import IntegrityError

from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.errors import constraint_name
from servicekit.db.unit_of_work import UnitOfWork
from servicekit.identifiers import uuid7
from servicekit.inbox.inbox import Inbox
from servicekit.inbox.table import inbox_table
from servicekit.observability.tracing import configure_tracing, current_traceparent, span
from servicekit.outbox.event import OutboxEvent
from servicekit.outbox.migration import upgrade_outbox
from servicekit.outbox.table import outbox_table
from servicekit.outbox.writer import OutboxWriter
from tests.support.databases import RELAY_ROLE
from tests.support.waiting import wait_until

METADATA = MetaData()
OUTBOX = outbox_table(MetaData())
INBOX = inbox_table(METADATA)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(DatabaseSettings(database_url=database_url), "test")
    METADATA.create_all(engine)
    with engine.begin() as connection:
        upgrade_outbox(Operations(MigrationContext.configure(connection)), to=1, relay_role=RELAY_ROLE)
    yield engine
    engine.dispose()


def an_event(key: str = "7", **payload: Any) -> OutboxEvent:
    return OutboxEvent(uuid7(), "things", key, "thing", "ThingHappened", payload)


def count(engine: Engine, table: Any) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_event_is_stored_when_and_only_when_the_caller_commits(engine: Engine) -> None:
    with UnitOfWork(engine) as uow:
        OutboxWriter(uow.connection, OUTBOX, "/things").append(an_event())
    assert count(engine, OUTBOX) == 0
    with UnitOfWork(engine) as uow:
        OutboxWriter(uow.connection, OUTBOX, "/things").append(an_event())
        uow.commit()
    assert count(engine, OUTBOX) == 1


def test_payload_is_kept_byte_for_byte(engine: Engine) -> None:
    with UnitOfWork(engine) as uow:
        OutboxWriter(uow.connection, OUTBOX, "/things").append(an_event(z="요청 접수됨", a=[1, 2]))
        stored = uow.connection.execute(text("SELECT payload::text FROM outbox")).scalar_one()
    assert stored == '{"z":"요청 접수됨","a":[1,2]}'


def test_events_get_positions_in_order_and_the_transaction_that_wrote_them(engine: Engine) -> None:
    events = [an_event() for _ in range(5)]
    with UnitOfWork(engine) as uow:
        OutboxWriter(uow.connection, OUTBOX, "/things").append_all(events)
        rows = uow.connection.execute(
            text("SELECT id, xid = pg_current_xact_id() AS mine FROM outbox ORDER BY position")
        ).all()
    assert [row.id for row in rows] == [event.event_id for event in events]
    assert all(row.mine for row in rows)


def test_events_of_one_transaction_keep_the_traces_they_were_made_in(engine: Engine) -> None:
    configure_tracing("test")
    events, traces = [], []
    for _ in range(2):
        with span("request", SpanKind.SERVER, {}):
            events.append(an_event())
            traces.append(current_traceparent())
    with UnitOfWork(engine) as uow:
        OutboxWriter(uow.connection, OUTBOX, "/things").append_all([*events, an_event()])
        stored = uow.connection.execute(text("SELECT traceparent FROM outbox ORDER BY position")).scalars()
        assert list(stored) == [*traces, None]
    assert len(set(traces)) == 2


def test_inbox_accepts_each_event_once_a_group(engine: Engine) -> None:
    first, second, third = uuid7(), uuid7(), uuid7()
    with UnitOfWork(engine) as uow:
        assert Inbox(uow.connection, INBOX, "a").accept([second, first, first]) == {first, second}
        assert Inbox(uow.connection, INBOX, "a").accept([first, third]) == {third}
        assert Inbox(uow.connection, INBOX, "b").accept([first]) == {first}
        assert Inbox(uow.connection, INBOX, "b").accept([]) == set()
        uow.commit()


def test_inbox_inserts_in_the_order_of_ids(engine: Engine) -> None:
    """Two consumers that have events in common would deadlock if each had an order of its own."""
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE arrival (number serial, event_id uuid)")
        connection.exec_driver_sql(
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN INSERT INTO arrival (event_id) VALUES (NEW.event_id); RETURN NEW; END'"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER note BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION note()"
        )
    ids = [uuid4() for _ in range(50)]
    with UnitOfWork(engine) as uow:
        Inbox(uow.connection, INBOX, "a").accept(ids)
        uow.commit()
    with engine.connect() as connection:
        arrived = connection.execute(text("SELECT event_id FROM arrival ORDER BY number")).scalars()
        assert list(arrived) == sorted(ids)


@pytest.mark.parametrize("commits", [True, False])
def test_inbox_waits_for_a_concurrent_consumer_and_takes_its_rollback(engine: Engine, commits: bool) -> None:
    event_id = uuid7()
    accepted: list[set[UUID]] = []

    def accept() -> None:
        with UnitOfWork(engine) as uow:
            accepted.append(Inbox(uow.connection, INBOX, "a").accept([event_id]))
            uow.commit()

    with UnitOfWork(engine) as uow:
        assert Inbox(uow.connection, INBOX, "a").accept([event_id]) == {event_id}
        other = threading.Thread(target=accept)
        other.start()
        with engine.connect() as observer:
            wait_until(lambda: _a_session_waits(observer), "the second consumer to wait for the first")
        if commits:
            uow.commit()
    other.join(timeout=10)
    assert accepted == [set() if commits else {event_id}]


def _a_session_waits(connection: Connection) -> bool:
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    found = bool(connection.execute(waiting).scalar_one())
    connection.rollback()
    return found


def test_violated_constraint_is_named(engine: Engine) -> None:
    with UnitOfWork(engine) as uow:
        uow.connection.execute(INBOX.insert().values(consumer_group="a", event_id=uuid7()))
        with pytest.raises(IntegrityError) as refused:
            uow.connection.execute(text("INSERT INTO inbox SELECT * FROM inbox"))
    assert constraint_name(refused.value) == "inbox_pkey"
