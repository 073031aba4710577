"""What a restarted, stopped or overloaded PostgreSQL looks like from here, and that it passes."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from devstack.postgresql import PostgresqlServer
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.errors import Verdict, verdict
from tests.support.servers import a_postgresql_server
from tests.support.waiting import wait_until


@pytest.fixture
def own_server(server_directory: Path, unique: str) -> Iterator[PostgresqlServer]:
    with a_postgresql_server(server_directory / f"own-{unique}") as server:
        yield server


def an_engine(url: str, pool_size: int = 2, pool_timeout_seconds: float = 0.2) -> Engine:
    return create_engine(
        DatabaseSettings(
            database_url=url,
            database_pool_size=pool_size,
            database_pool_timeout_seconds=pool_timeout_seconds,
        ),
        "test",
    )


def failure_of(call: Callable[[], object]) -> BaseException:
    with pytest.raises(SQLAlchemyError) as failed:
        call()
    return failed.value


def select_one(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT 1")).scalar_one())


def test_stopped_server_is_unavailable_and_a_restarted_one_is_used_again(
    own_server: PostgresqlServer,
) -> None:
    engine = an_engine(own_server.url())
    with engine.connect() as in_flight:
        in_flight.execute(text("SELECT 1"))
        own_server.stop()
        assert verdict(failure_of(lambda: in_flight.execute(text("SELECT 1")))) is Verdict.UNAVAILABLE
    assert verdict(failure_of(lambda: select_one(engine))) is Verdict.UNAVAILABLE
    own_server.start()
    assert wait_until(lambda: select_one(engine), "the engine to reconnect") == 1
    engine.dispose()


def test_terminated_session_is_unavailable(database_url: str) -> None:
    engine = an_engine(database_url)
    with engine.connect() as victim, engine.connect() as killer:
        pid = victim.execute(text("SELECT pg_backend_pid()")).scalar_one()
        killer.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        assert verdict(failure_of(lambda: victim.execute(text("SELECT 1")))) is Verdict.UNAVAILABLE
    engine.dispose()


def test_session_that_turned_out_read_only_is_given_up(database_url: str) -> None:
    engine = an_engine(database_url)
    with engine.connect() as connection:
        connection.execute(text("SET default_transaction_read_only = on"))
        connection.commit()
        error = failure_of(lambda: connection.execute(text("CREATE TABLE one (id int)")))
        assert verdict(error) is Verdict.UNAVAILABLE
        assert connection.invalidated
    engine.dispose()


def test_program_that_reads_only_keeps_its_session(database_url: str) -> None:
    engine = an_engine(database_url)
    with engine.connect().execution_options(postgresql_readonly=True) as connection:
        failure_of(lambda: connection.execute(text("CREATE TABLE one (id int)")))
        assert not connection.invalidated
    engine.dispose()


def test_exhausted_pool_is_unavailable(database_url: str) -> None:
    engine = an_engine(database_url, pool_size=1)
    with engine.connect():
        assert verdict(failure_of(lambda: select_one(engine))) is Verdict.UNAVAILABLE
    engine.dispose()


def test_faulty_statement_is_not_unavailable(database_url: str) -> None:
    engine = an_engine(database_url)
    with engine.connect() as connection:
        error = failure_of(lambda: connection.execute(text("SELECT nonsense")))
    assert isinstance(error, ProgrammingError)
    assert verdict(error) is Verdict.BUG
    engine.dispose()


def test_wait_for_a_lock_ends_in_time_and_is_a_conflict(database_url: str) -> None:
    engine = an_engine(database_url)
    with engine.connect() as holder, engine.connect() as other:
        holder.execute(text("CREATE TABLE one (id int)"))
        holder.commit()
        holder.execute(text("LOCK TABLE one"))
        other.execute(text("SET lock_timeout = 50"))
        assert verdict(failure_of(lambda: other.execute(text("SELECT * FROM one")))) is Verdict.CONFLICT
    engine.dispose()


def test_waits_and_idle_transactions_end_before_the_time_for_stopping(database_url: str) -> None:
    engine = an_engine(database_url)
    with engine.connect() as connection:
        limits = {
            name: connection.execute(text(f"SHOW {name}")).scalar_one()
            for name in ("lock_timeout", "idle_in_transaction_session_timeout", "statement_timeout")
        }
    assert limits == {
        "lock_timeout": "3s",
        "idle_in_transaction_session_timeout": "10s",
        "statement_timeout": "30s",
    }
    engine.dispose()


def test_transaction_of_a_frozen_process_is_ended_and_its_locks_are_free(database_url: str) -> None:
    engine = an_engine(database_url)
    with engine.connect() as frozen, engine.connect() as other:
        frozen.execute(text("CREATE TABLE one (id int)"))
        frozen.commit()
        frozen.execute(text("SET idle_in_transaction_session_timeout = 100"))
        frozen.execute(text("LOCK TABLE one"))
        assert other.execute(text("SELECT count(*) FROM one")).scalar_one() == 0
        assert verdict(failure_of(lambda: frozen.execute(text("SELECT 1")))) is Verdict.UNAVAILABLE
    engine.dispose()


def test_deadlock_is_a_conflict(database_url: str) -> None:
    engine = an_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE pair (id int PRIMARY KEY); INSERT INTO pair VALUES (1), (2)"))
    both_hold_one = threading.Barrier(2)
    errors: list[BaseException] = []

    def lock(first: int, second: int) -> None:
        statement = text("SELECT 1 FROM pair WHERE id = :id FOR UPDATE")
        try:
            with engine.connect() as connection:
                connection.execute(statement, {"id": first})
                both_hold_one.wait(timeout=10)
                connection.execute(statement, {"id": second})
        except SQLAlchemyError as error:
            errors.append(error)

    threads = [threading.Thread(target=lock, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert [verdict(error) for error in errors] == [Verdict.CONFLICT]
    engine.dispose()
