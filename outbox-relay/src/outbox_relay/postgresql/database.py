"""Connections to a source's database, which must fail in time rather than hang."""

from collections.abc import Mapping

from psycopg2.errors import QueryCanceled
from sqlalchemy import Engine, create_engine, make_url, pool
from sqlalchemy.exc import DBAPIError

from outbox_relay.config import RelaySettings, SourceSettings, SourcesSettings
from outbox_relay.postgresql.schema_version import check_at_connect
from outbox_relay.postgresql.watchdog import Watchdog
from outbox_relay.protocol.errors import SourceUnavailable, StatementTimedOut

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
# A session that ended while nobody used it, with its server that is long back, is no trouble to tell of.
_POOL: Mapping[str, object] = {"pool_size": 2, "max_overflow": 0, "pool_timeout": 5, "pool_pre_ping": True}


def work_engine(source: SourceSettings, settings: RelaySettings, watchdog: Watchdog | None = None) -> Engine:
    """For the one session that reads pages and moves cursors; each statement is its own transaction."""
    return _engine(source, settings, _WORK_OPTIONS, _NO_POOL, watchdog)


def maintenance_engine(
    source: SourceSettings, settings: RelaySettings, watchdog: Watchdog | None = None
) -> Engine:
    """For measuring what waits, and for making and dropping partitions."""
    options = {"enable_seqscan": "off", "max_parallel_workers_per_gather": "0", "jit": "off"}
    return _engine(source, settings, options, _POOL, watchdog)


def leadership_engine(
    source: SourceSettings, settings: RelaySettings, watchdog: Watchdog | None = None
) -> Engine:
    """For the one session that holds the lock, and that PostgreSQL ends when it stays silent.

    A statement that takes longer than that timeout is of no use: the leadership is lost by then.
    """
    timeout_ms = settings.leadership_timeout_ms
    options = {"idle_session_timeout": str(timeout_ms)}
    return _engine(source, settings, options, _NO_POOL, watchdog, limit_seconds=timeout_ms / 1000)


def operator_engine(
    source: SourceSettings, settings: SourcesSettings, watchdog: Watchdog | None = None
) -> Engine:
    """For what people ask for: one transaction an action, which soon gives up what it has to wait for.

    The server ends it when the one who asked has gone in the middle of it.
    """
    options = {"lock_timeout": "5s", "idle_in_transaction_session_timeout": "5s"}
    engine = _engine(source, settings, options, _POOL, watchdog)
    return engine.execution_options(isolation_level="READ COMMITTED")


def repair_engine(source: SourceSettings, settings: SourcesSettings) -> Engine:
    """For what may take long with many events; each statement is its own transaction."""
    options = {"lock_timeout": "10s", "statement_timeout": "0"}
    return _engine(source, settings, options, _NO_POOL)


def unavailable(error: DBAPIError) -> SourceUnavailable:
    """The database's error as ours: its first line, which holds no statement and no parameter."""
    lines = str(error.orig).strip().splitlines()
    known = StatementTimedOut if isinstance(error.orig, QueryCanceled) else SourceUnavailable
    return known(lines[0] if lines else type(error.orig).__name__)


def _engine(
    source: SourceSettings,
    settings: SourcesSettings,
    options: Mapping[str, str],
    pool_options: Mapping[str, object],
    watchdog: Watchdog | None = None,
    limit_seconds: float | None = None,
) -> Engine:
    if limit_seconds is None:
        limit_seconds = settings.database_statement_timeout_ms / 1000 + _ANSWER_SECONDS
    watched = {} if watchdog is None else {"cursor_factory": watchdog.cursor_factory(limit_seconds)}
    session = {
        "timezone": "UTC",
        "search_path": source.database_schema,
        "statement_timeout": str(settings.database_statement_timeout_ms),
        **_SERVER_TCP,
        **options,
    }
    engine = create_engine(
        make_url(source.database_url).set(drivername="postgresql+psycopg2"),
        isolation_level="AUTOCOMMIT",
        connect_args={
            "connect_timeout": settings.database_connect_timeout_seconds,
            "application_name": "outbox-relay",
            "client_encoding": "UTF8",
            "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
            **_TCP,
            **watched,
        },
        **pool_options,
    )
    check_at_connect(engine, f"{engine.url.host}/{engine.url.database}/{source.database_schema}")
    return engine
