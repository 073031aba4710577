"""A PostgreSQL that accepts everything and answers nothing, as a paused one does."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from servicekit.config import DatabaseSettings
from servicekit.db.breaker import DatabaseSilent
from servicekit.db.engine import create_engine
from servicekit.db.errors import may_pass
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import wait_until

# Half of what a statement may take: what ends sooner wasn't ended by that limit.
SOON_SECONDS = 16
THREADS = 4


@pytest.fixture
def proxy(database_url: str) -> Iterator[TcpProxy]:
    with TcpProxy(make_url(database_url).port or 0) as proxy:
        yield proxy


@pytest.fixture
def engine(database_url: str, proxy: TcpProxy) -> Iterator[Engine]:
    url = make_url(database_url).set(port=proxy.port).render_as_string(hide_password=False)
    settings = DatabaseSettings(database_url=url, database_pool_size=THREADS)
    engine = create_engine(settings, "test")
    yield engine
    engine.dispose()


def ask(engine: Engine, statement: str = "SELECT 1") -> None:
    with engine.connect() as connection:
        connection.execute(text(statement))


def is_answered(engine: Engine) -> bool:
    ask(engine)
    return True


def failure_of(engine: Engine) -> SQLAlchemyError:
    with pytest.raises(SQLAlchemyError) as failed:
        ask(engine)
    return failed.value


def is_open(engine: Engine) -> bool:
    try:
        ask(engine)
    except DatabaseSilent:
        return True
    except SQLAlchemyError:
        return False
    return False


def is_usable(engine: Engine) -> bool:
    try:
        return is_answered(engine)
    except SQLAlchemyError:
        return False


def test_waiting_statements_fail_and_later_ones_do_so_at_once(engine: Engine, proxy: TcpProxy) -> None:
    ask(engine)
    proxy.pause()
    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        failures = list(pool.map(failure_of, [engine] * THREADS))
    assert time.monotonic() - began < SOON_SECONDS
    assert all(map(may_pass, failures)), failures
    wait_until(lambda: is_open(engine), "the breaker to open")
    failures = [failure_of(engine) for _ in range(50)]
    assert {type(failure) for failure in failures} == {DatabaseSilent}
    assert all(map(may_pass, failures))

    proxy.resume()
    wait_until(lambda: is_answered(engine), "the database to be asked again")


def test_commit_that_is_not_answered_fails(engine: Engine, proxy: TcpProxy) -> None:
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE thing (number int)"))
        proxy.hold_answers()
        began = time.monotonic()
        with pytest.raises(SQLAlchemyError) as failed:
            connection.commit()
        assert time.monotonic() - began < SOON_SECONDS
    assert may_pass(failed.value)
    proxy.resume()


def test_a_long_statement_alone_does_not_open_the_breaker(engine: Engine) -> None:
    slow = threading.Thread(target=ask, args=(engine, "SELECT pg_sleep(9)"))
    slow.start()
    while slow.is_alive():
        assert not is_open(engine)
        slow.join(4.5)


def test_second_host_is_used_while_the_first_one_is_silent(database_url: str, proxy: TcpProxy) -> None:
    url = make_url(database_url)
    both = f"127.0.0.1:{proxy.port},127.0.0.1:{url.port}"
    settings = DatabaseSettings(
        database_url=f"postgresql://{url.username}:{url.password}@{both}/{url.database}"
        "?target_session_attrs=read-write",
        database_statement_timeout_ms=1_000, database_connect_timeout_seconds=10, database_pool_size=1,
    )  # fmt: skip
    engine = create_engine(settings, "test")
    ask(engine)
    proxy.pause()

    wait_until(lambda: is_usable(engine), "the silent session to end")
    # Longer than the silence that opens the breaker is how long the first host keeps a new session waiting.
    with engine.connect() as connection:
        connection.invalidate()
    ask(engine)
    ask(engine)
    engine.dispose()


def test_one_frozen_session_is_ended_while_others_are_answered(database_url: str, proxy: TcpProxy) -> None:
    url = make_url(database_url).set(port=proxy.port).render_as_string(hide_password=False)
    engine = create_engine(DatabaseSettings(database_url=url, database_statement_timeout_ms=1_000), "test")
    ask(engine)
    with engine.connect() as connection:
        proxy.forget()
        # Its session is passed on no more; a new one is.
        with ThreadPoolExecutor(1) as pool:
            frozen = pool.submit(lambda: connection.execute(text("SELECT 1")))
            ask(engine)
            assert may_pass(frozen.exception(SOON_SECONDS) or AssertionError("answered"))
    engine.dispose()


def watches() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "database-watch"}


def test_an_engine_is_watched_until_it_is_disposed_of(engine: Engine) -> None:
    former = watches()
    for _ in range(2):
        ask(engine)
        assert len(watches() - former) == 1
        engine.dispose()
        wait_until(lambda: not watches() - former, "the watch to end")
