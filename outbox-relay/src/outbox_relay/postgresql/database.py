"""Connections to a source's database, which must fail in time rather than hang."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg2.errors import QueryCanceled
from psycopg2.extensions import parse_dsn
from sqlalchemy import Engine, event, pool
from sqlalchemy.exc import DBAPIError

from outbox_relay.postgresql.schema_version import check_at_connect
from outbox_relay.postgresql.suited_server import refuse_standbys
from outbox_relay.protocol.errors import SessionsShared, SourceUnavailable, StatementTimedOut
from servicekit.db.engine import engine_of
from servicekit.db.watchdog import Watchdog

# What the server has for ending a statement by itself, and for saying so.
_ANSWER_SECONDS = 2.0
# A peer that vanished without a word is noticed within ten seconds.
_TCP = {"keepalives_idle": 4, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
# The server notices it as well, and gives back what the session has locked.
_SERVER_TCP = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}

# The statements are written for one plan each (see their files) and this keeps to it even where statistics
# are missing or old. Of a page of some shards PostgreSQL expects few rows, and would have several processes
# read and sort all that waits. Losing the latest cursor in a crash of the server merely repeats a page, so
# no write of it waits for the disk (see WorkSession); a change of leader, which the fence rests on, is
# written on the other connection and does.
_WORK_OPTIONS = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "synchronous_commit": "off",
}

_NO_POOL: Mapping[str, object] = {"poolclass": pool.NullPool}
# Without the ping, a session that ended unused, in a restart of its server, would fail the next statement.
_POOL: Mapping[str, object] = {"pool_size": 2, "max_overflow": 0, "pool_timeout": 5, "pool_pre_ping": True}


@dataclass(frozen=True, slots=True)
class SourceDatabase:
    """Where an outbox is, and how long its server may take to answer."""

    url: str
    schema: str = "public"
    connect_timeout_seconds: int = 3
    statement_timeout_ms: int = 30_000


def work_engine(database: SourceDatabase, watchdog: Watchdog | None = None) -> Engine:
    """For the one session that reads pages and moves cursors; each statement is its own transaction."""
    return _engine(database, _WORK_OPTIONS, _NO_POOL, watchdog)


def maintenance_engine(database: SourceDatabase, watchdog: Watchdog | None = None) -> Engine:
    """For measuring what waits, and for making and dropping partitions."""
    options = {"enable_seqscan": "off", "max_parallel_workers_per_gather": "0", "jit": "off"}
    return _engine(database, options, _POOL, watchdog)


def leadership_engine(database: SourceDatabase, timeout_ms: int, watchdog: Watchdog | None = None) -> Engine:
    """For the one session that holds the lock, and that PostgreSQL ends when it stays silent.

    A statement that takes longer than that timeout is of no use: the leadership is lost by then.
    """
    options = {"idle_session_timeout": str(timeout_ms)}
    return _engine(database, options, _NO_POOL, watchdog, limit_seconds=timeout_ms / 1000)


def operator_engine(database: SourceDatabase, watchdog: Watchdog | None = None) -> Engine:
    """For the actions of operators: one transaction each, which waits five seconds for a lock.

    The server ends a transaction whose client stops in the middle of it.
    """
    options = {"lock_timeout": "5s", "idle_in_transaction_session_timeout": "5s"}
    engine = _engine(database, options, _POOL, watchdog)
    return engine.execution_options(isolation_level="READ COMMITTED")


def repair_engine(database: SourceDatabase) -> Engine:
    """For repairs, which take long with many events; each statement is its own transaction."""
    options = {"lock_timeout": "10s", "statement_timeout": "0"}
    return _engine(database, options, _NO_POOL)


def unavailable(error: DBAPIError) -> SourceUnavailable:
    """The driver's error as the relay's own: its first line, which holds no statement and no parameter."""
    lines = str(error.orig).strip().splitlines()
    if "unsupported startup parameter" in str(error.orig):
        return SessionsShared(f"a pooler refuses a setting of the relay's sessions: {lines[-1]}")
    kind = StatementTimedOut if isinstance(error.orig, QueryCanceled) else SourceUnavailable
    return kind(lines[0] if lines else type(error.orig).__name__)


def _engine(
    database: SourceDatabase,
    options: Mapping[str, str],
    pool_options: Mapping[str, Any],
    watchdog: Watchdog | None = None,
    limit_seconds: float | None = None,
) -> Engine:
    if limit_seconds is None:
        limit_seconds = database.statement_timeout_ms / 1000 + _ANSWER_SECONDS
    watched = {} if watchdog is None else {"cursor_factory": watchdog.cursor_factory(limit_seconds)}
    session = {
        "timezone": "UTC",
        "search_path": database.schema,
        "statement_timeout": str(database.statement_timeout_ms),
        **_SERVER_TCP,
        **options,
    }
    engine = engine_of(
        database.url,
        "outbox-relay",
        connect_timeout_seconds=database.connect_timeout_seconds,
        session={},
        # What is asked for with the start of a connection is refused or ignored by poolers; see below.
        driver={"client_encoding": "UTF8", "options": "", **_TCP, **watched},
        isolation_level="AUTOCOMMIT",
        # psycopg2 would look for a type that no outbox has, in a transaction, with each connection.
        use_native_hstore=False,
        **pool_options,
    )
    _set_at_connect(engine, session)
    parts = parse_dsn(database.url)
    address = f"{parts.get('host')}/{parts.get('dbname')}"
    refuse_standbys(engine, address)
    check_at_connect(engine, f"{address}/{database.schema}")
    return engine


def _set_at_connect(engine: Engine, settings: Mapping[str, str]) -> None:
    @event.listens_for(engine, "connect")
    def set_all(dbapi_connection: Any, record: object) -> None:
        with dbapi_connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config(name, value, false) FROM unnest(%s, %s) AS setting (name, value)",
                (list(settings), list(settings.values())),
            )
