"""Idempotency keys join the caller's transaction: the first use executes, later ones get its reply."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Literal

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, MetaData, event, text

from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.unit_of_work import UnitOfWork
from servicekit.idempotency.key import (
    Claim,
    IdempotencyKey,
    IdempotencyKeyHeld,
    IdempotencyKeyReused,
    Outcome,
)
from servicekit.idempotency.keys import IdempotencyKeys
from servicekit.idempotency.migration import upgrade_idempotency_keys
from servicekit.idempotency.table import idempotency_key_table
from tests.support.waiting import wait_until

KEYS = idempotency_key_table(MetaData())


@pytest.fixture
def expanded(database_url: str) -> Iterator[Engine]:
    """A database on which the former release may still run."""
    engine = create_engine(DatabaseSettings(database_url=database_url), "test")
    with engine.begin() as connection:
        upgrade_idempotency_keys(Operations(MigrationContext.configure(connection)), to=2)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(expanded: Engine) -> Engine:
    with expanded.begin() as connection:
        upgrade_idempotency_keys(Operations(MigrationContext.configure(connection)), to=3)
    return expanded


def a_key(key: str = "key", fingerprint: str = "one", scope: str = "POST /things") -> IdempotencyKey:
    return IdempotencyKey(scope, key, fingerprint)


def claim(engine: Engine, key: IdempotencyKey, reply: Mapping[str, Any]) -> Mapping[str, Any] | None:
    with UnitOfWork(engine) as uow:
        earlier = IdempotencyKeys(uow.connection, KEYS).claim(key, reply)
        uow.commit()
    return earlier


def test_a_key_gives_the_first_reply_again(engine: Engine) -> None:
    assert claim(engine, a_key(), {"requestId": "1"}) is None
    assert claim(engine, a_key(), {"requestId": "2"}) == {"requestId": "1"}


def test_a_key_has_the_time_of_its_first_use(engine: Engine) -> None:
    claim(engine, a_key(), {})
    with UnitOfWork(engine) as uow:
        later = uow.connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    claim(engine, a_key(), {})
    claim(engine, a_key("another"), {})

    with UnitOfWork(engine) as uow:
        keys = IdempotencyKeys(uow.connection, KEYS)
        assert keys.first_used_at(a_key()) < later < keys.first_used_at(a_key("another"))


def test_a_key_of_another_request_is_refused(engine: Engine) -> None:
    claim(engine, a_key(fingerprint="one"), {})
    with pytest.raises(IdempotencyKeyReused):
        claim(engine, a_key(fingerprint="another"), {})


def test_a_key_of_another_scope_is_another_key(engine: Engine) -> None:
    claim(engine, a_key(scope="POST /things userId=1"), {"thing": 1})
    assert claim(engine, a_key(fingerprint="another", scope="POST /things userId=2"), {}) is None


def used_by_the_former_release(engine: Engine, key: str, fingerprint: str) -> None:
    statement = text(
        "INSERT INTO idempotency_key (key, fingerprint, reply) VALUES (:key, :fingerprint, :reply)"
    )
    with engine.begin() as connection:
        connection.execute(statement, {"key": key, "fingerprint": fingerprint, "reply": '{"by": "former"}'})


@pytest.mark.parametrize("version", ["expanded", "engine"])
def test_a_request_of_the_former_release_is_recognised(version: str, request: pytest.FixtureRequest) -> None:
    engine: Engine = request.getfixturevalue(version)
    used_by_the_former_release(engine, "key", "one")
    assert claim(engine, a_key(fingerprint="one"), {"by": "ours"}) == {"by": "former"}


def test_while_the_former_release_runs_a_key_has_one_scope(expanded: Engine) -> None:
    claim(expanded, a_key(scope="POST /things userId=1"), {})
    with pytest.raises(IdempotencyKeyReused):
        claim(expanded, a_key(scope="POST /things userId=2"), {})


def test_after_that_another_request_of_it_occupies_no_key(engine: Engine) -> None:
    used_by_the_former_release(engine, "key", "another")
    assert claim(engine, a_key(fingerprint="one"), {"by": "ours"}) is None


def test_a_key_is_free_again_after_a_rollback(engine: Engine) -> None:
    for _ in range(2):
        with UnitOfWork(engine) as uow:
            assert IdempotencyKeys(uow.connection, KEYS).claim(a_key(), {}) is None


@pytest.mark.parametrize("commits", [True, False])
def test_a_concurrent_first_use_is_waited_for(engine: Engine, commits: bool) -> None:
    replies: list[Mapping[str, Any] | None] = []
    second = threading.Thread(target=lambda: replies.append(claim(engine, a_key(), {"by": "second"})))
    with UnitOfWork(engine) as uow:
        IdempotencyKeys(uow.connection, KEYS).claim(a_key(), {"by": "first"})
        second.start()
        # In a transaction, pg_stat_activity would show what it showed first.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as observer:
            waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            wait_until(lambda: observer.scalar(waiting) == 1, "the second use to wait for the first")
        if commits:
            uow.commit()
    second.join(timeout=10)
    assert replies == [{"by": "first"} if commits else None]


def test_a_key_that_is_deleted_while_it_is_looked_up_counts_as_new(engine: Engine) -> None:
    claim(engine, a_key(), {"by": "first"})

    deleted: list[str] = []

    def delete_it(_: Connection, __: Any, statement: str, *___: Any) -> None:
        # Once, after the first attempt to insert it, which is a prepared statement.
        if statement.startswith("EXECUTE") and not deleted:
            deleted.append(statement)
            with engine.begin() as retention:
                retention.execute(text("DELETE FROM idempotency_key"))

    with UnitOfWork(engine) as uow:
        event.listen(uow.connection, "after_cursor_execute", delete_it)
        assert IdempotencyKeys(uow.connection, KEYS).claim(a_key(), {"by": "second"}) is None
        uow.commit()
    assert deleted
    assert claim(engine, a_key(), {"by": "third"}) == {"by": "second"}


def held_by_another(engine: Engine, scope: ExitStack, *keys: IdempotencyKey) -> None:
    frozen = scope.enter_context(UnitOfWork(engine))
    for key in keys:
        assert IdempotencyKeys(frozen.connection, KEYS).claim(key, {"by": "frozen"}) is None


def test_a_key_that_is_held_for_longer_than_a_set_waits_is_told_apart(engine: Engine) -> None:
    free, held, taken = (a_key(name) for name in ("free", "held", "taken"))
    claim(engine, taken, {"by": "earlier"})
    wanted = [Claim(key, {"number": number}) for number, key in enumerate((held, taken, free, held, free))]
    with ExitStack() as scope:
        held_by_another(engine, scope, held)
        with UnitOfWork(engine) as uow, pytest.raises(IdempotencyKeyHeld):
            IdempotencyKeys(uow.connection, KEYS).claim_all(wanted, wait_ms=1)
        with UnitOfWork(engine) as uow:
            outcomes = IdempotencyKeys(uow.connection, KEYS).claim_free(wanted)
            uow.commit()
    assert [type(outcomes[number]) for number in (0, 3)] == [IdempotencyKeyHeld] * 2
    assert (outcomes[1], outcomes[2], outcomes[4]) == ({"by": "earlier"}, None, {"number": 2})
    # Nothing of the held one is stored.
    assert claim(engine, held, {}) is None
    assert claim(engine, free, {}) == {"number": 2}


@pytest.mark.parametrize("pooling", ["session", "transaction"])
def test_only_keys_have_less_time_than_other_locks(
    pooling: Literal["session", "transaction"], engine: Engine, database_url: str
) -> None:
    settings = DatabaseSettings(database_url=database_url, database_pooling=pooling)
    engine = create_engine(settings, "test")
    with ExitStack() as scope:
        scope.callback(engine.dispose)
        held_by_another(engine, scope, a_key("held"))
        for claim_all in CLAIMING.values():
            with UnitOfWork(engine) as uow:
                claim_all(
                    IdempotencyKeys(uow.connection, KEYS), [Claim(a_key("a"), {}), Claim(a_key("b"), {})]
                )
                assert uow.connection.scalar(text("SHOW lock_timeout")) == "3s"
        with UnitOfWork(engine) as uow:
            IdempotencyKeys(uow.connection, KEYS).claim_free(
                [Claim(a_key("a"), {}), Claim(a_key("held"), {})]
            )
            assert uow.connection.scalar(text("SHOW lock_timeout")) == "3s"


ClaimAll = Callable[[IdempotencyKeys, Sequence[Claim]], Sequence[Outcome]]
CLAIMING: Mapping[str, ClaimAll] = {
    "waiting": lambda keys, claims: keys.claim_all(claims),
    "in time": lambda keys, claims: keys.claim_all(claims, wait_ms=60_000),
    "one by one": lambda keys, claims: keys.claim_free(claims),
}
claims = st.lists(
    st.builds(
        a_key, st.sampled_from("abc"), st.sampled_from(["one", "another"]), st.sampled_from(["s", "t"])
    ),
    max_size=8,
)


@pytest.mark.parametrize("how", CLAIMING)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(committed=claims, together=claims)
def test_a_set_has_the_outcome_of_one_claim_after_the_other(
    engine: Engine, how: str, committed: list[IdempotencyKey], together: list[IdempotencyKey]
) -> None:
    model: dict[tuple[str, str], tuple[str, Mapping[str, Any]]] = {}

    def outcome_in_the_model(key: IdempotencyKey, reply: Mapping[str, Any]) -> object:
        identity = (key.scope, key.key)
        if identity not in model:
            model[identity] = (key.fingerprint, reply)
            return None
        fingerprint, earlier = model[identity]
        return earlier if fingerprint == key.fingerprint else IdempotencyKeyReused

    with engine.begin() as connection:
        connection.execute(KEYS.delete())
    for round_number, keys in enumerate((committed, together)):
        replies = [{"number": 100 * round_number + index} for index in range(len(keys))]
        expected = [outcome_in_the_model(key, reply) for key, reply in zip(keys, replies, strict=True)]
        with UnitOfWork(engine) as uow:
            outcomes = CLAIMING[how](
                IdempotencyKeys(uow.connection, KEYS),
                [Claim(key, reply) for key, reply in zip(keys, replies, strict=True)],
            )
            uow.commit()
        assert [
            type(outcome) if isinstance(outcome, Exception) else outcome for outcome in outcomes
        ] == expected
