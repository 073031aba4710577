"""The migration to the present states: with the former release's rows, and beside its running processes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import RETRYABLE, Effect
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.migrations import SCHEMA
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.migrations import upgrade
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import delivering, retry_deliveries, transactions
from tests.integration.notification_service.former_release import (
    FORMER_CLAIM,
    FORMER_RECORD,
    make_former_database,
)
from tests.support.notification_builders import WRITE_ALIMTALK
from tests.support.provider_double import ProviderDouble
from tests.support.sandbox import Sandbox
from tests.support.waiting_migration import wait_until_migration_waits


@pytest.fixture
def former(database_url: str, tmp_path: Path) -> str:
    """A database of the former release, with a delivery in each of its states."""
    make_former_database(database_url, tmp_path, "0006")
    return database_url


def migrated(url: str) -> Engine:
    upgrade(url, SCHEMA)
    return create_engine(DatabaseSettings(database_url=url), "test")


def statuses(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT status FROM delivery ORDER BY status")).scalars())


def test_the_former_releases_deliveries_go_on(former: str) -> None:
    engine = migrated(former)

    with transactions(engine)() as unit_of_work:
        claimed = unit_of_work.claims.claim(Effect.ALIMTALK, 10, 20.0, "sandbox")
        unit_of_work.commit()
    retried = retry_deliveries(engine, DeliverySelection(RETRYABLE), reason="up again")

    # What was being sent is looked up first.
    assert {(delivery.attempt, delivery.purpose, delivery.provider) for delivery in claimed} == {
        (1, Purpose.SEND, "sandbox"),
        (2, Purpose.LOOK_UP, None),
    }
    assert retried == 1
    assert statuses(engine) == ["DELIVERED", "PENDING", "SENDING", "SENDING", "SKIPPED"]
    engine.dispose()


def deliver(engine: Engine, sandbox: Sandbox, provider: ProviderDouble) -> None:
    courier = SendAlimtalk(provider, 0.0, WRITE_ALIMTALK)
    with delivering(engine, Effect.ALIMTALK, sandbox, courier=courier, provider=provider.name) as work:
        work(StopSignal())


def sent_by_the_former_release(engine: Engine, status: str) -> None:
    """One alimtalk, which its attempt may have sent; to which provider is not known."""
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM delivery WHERE status <> 'SENDING'"))
        connection.execute(
            text(
                "UPDATE delivery SET status = :status, possibly_sent_at = clock_timestamp(),"
                " claim_id = CASE WHEN :status = 'SENDING' THEN claim_id END"
            ),
            {"status": status},
        )


@pytest.mark.parametrize("status", ["SENDING", "PENDING", "UNKNOWN"])
@pytest.mark.parametrize("can_look_up", [True, False])
def test_what_the_former_release_may_have_sent_is_not_sent_again(
    former: str, sandbox: Sandbox, status: str, *, can_look_up: bool
) -> None:
    engine = migrated(former)
    sent_by_the_former_release(engine, status)
    provider = ProviderDouble(can_look_up=can_look_up)

    deliver(engine, sandbox, provider)

    with engine.connect() as connection:
        row = connection.execute(text("SELECT status, due_at, provider FROM delivery")).one()
    assert tuple(row) == ("UNKNOWN", None, None)
    assert provider.sent == []
    # An operator decides.
    retry_deliveries(engine, DeliverySelection(RETRYABLE), reason="not there")
    deliver(engine, sandbox, provider)
    assert len(provider.sent) == 1
    engine.dispose()


@pytest.mark.parametrize("status", ["SENDING", "PENDING", "UNKNOWN"])
def test_what_the_former_release_sent_belongs_to_the_provider_that_has_it(
    former: str, sandbox: Sandbox, status: str
) -> None:
    engine = migrated(former)
    sent_by_the_former_release(engine, status)
    with engine.connect() as connection:
        event_id = connection.scalar(text("SELECT event_id FROM delivery"))
    provider = ProviderDouble(sent=[str(event_id)])

    deliver(engine, sandbox, provider)

    with engine.connect() as connection:
        row = connection.execute(text("SELECT status, provider, reference FROM delivery")).one()
    assert tuple(row) == ("ACCEPTED", "double", "m-1")
    assert len(provider.sent) == 1
    engine.dispose()


def test_the_former_releases_processes_leave_what_is_accepted(former: str) -> None:
    engine = migrated(former)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE delivery SET status = 'ACCEPTED', due_at = NULL, claim_id = NULL,"
                " provider = 'double', reference = 'm-1', accepted_at = clock_timestamp(),"
                " result_due_at = clock_timestamp()"
                " WHERE status = 'SENDING'"
            )
        )
        connection.execute(
            text("UPDATE delivery SET status = 'UNKNOWN', attempts = 1 WHERE status = 'PENDING'")
        )

    with engine.begin() as connection:
        assert connection.execute(text(FORMER_CLAIM)).rowcount == 1
        connection.execute(text(FORMER_RECORD))

    assert statuses(engine) == ["ACCEPTED", "DELIVERED", "DELIVERED", "FAILED", "SKIPPED"]
    engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "status = 'LOST'",
        "status = 'ACCEPTED', due_at = NULL, completed_at = NULL",
        "status = 'EXPIRED', due_at = NULL, completed_at = NULL, claim_id = NULL",
        "status = 'PENDING', due_at = NULL, completed_at = NULL, claim_id = NULL",
        "result_due_at = clock_timestamp()",
    ],
)
def test_the_database_refuses_what_is_no_state(former: str, change: str) -> None:
    engine = migrated(former)

    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(f"UPDATE delivery SET {change}"))  # noqa: S608 - ours
    engine.dispose()


@pytest.mark.parametrize("statement", ["SELECT FROM delivery", "UPDATE delivery SET attempts = attempts"])
def test_claims_go_on_while_an_old_transaction_holds_up_the_migration(former: str, statement: str) -> None:
    engine = create_engine(DatabaseSettings(database_url=former), "test")
    with ThreadPoolExecutor(1) as pool:
        with engine.connect() as old:
            old.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            old.execute(text(f"{statement} WHERE status = 'SKIPPED'"))
            migration = pool.submit(upgrade, former, SCHEMA)
            for _ in range(3):
                wait_until_migration_waits(engine)
                # One that had to wait for the old transaction would run into its lock time-out.
                with engine.begin() as connection:
                    connection.execute(text(FORMER_CLAIM))
            assert not migration.done()
            old.rollback()
        migration.result(30)
    engine.dispose()


def test_a_migration_that_was_interrupted_is_repeated(former: str) -> None:
    engine = migrated(former)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0006'"))
        connection.execute(text("DROP INDEX delivery_retryable_idx"))

    upgrade(former, SCHEMA)

    with engine.connect() as connection:
        is_valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'delivery_retryable_idx'::regclass"
        assert connection.scalar(text(is_valid))
    engine.dispose()
