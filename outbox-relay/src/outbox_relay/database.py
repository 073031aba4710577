"""Connections to a source's database, which must fail in time rather than hang."""

from sqlalchemy import Engine, create_engine, make_url, pool
from sqlalchemy.exc import DBAPIError

from outbox_relay.config import RelaySettings, SourceSettings
from outbox_relay.errors import SourceUnavailable

# A peer that vanished without a word is noticed within ten seconds.
_TCP = {"keepalives_idle": 4, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}

# The statements are written for one plan each (see their files) and this keeps to it even where statistics
# are missing or old. Losing the latest cursor in a crash of the server merely repeats a page, so no write of
# it waits for the disk (see WorkSession); a change of leader, which the fence rests on, is written on the
# other connection and does.
_WORK_OPTIONS = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "synchronous_commit": "off",
}


def work_engine(source: SourceSettings, settings: RelaySettings) -> Engine:
    """For the one session that reads pages and moves cursors; each statement is its own transaction."""
    return _engine(source, settings, _WORK_OPTIONS, poolclass=pool.NullPool)


def maintenance_engine(source: SourceSettings, settings: RelaySettings) -> Engine:
    """For measuring what waits, and for making and dropping partitions."""
    options = {"enable_seqscan": "off", "jit": "off"}
    return _engine(source, settings, options, pool_size=2, max_overflow=0, pool_timeout=5)


def leadership_engine(source: SourceSettings, settings: RelaySettings) -> Engine:
    """For the one session that holds the lock, and that PostgreSQL ends when it stays silent."""
    options = {"idle_session_timeout": str(settings.leadership_timeout_ms)}
    return _engine(source, settings, options, poolclass=pool.NullPool)


def unavailable(error: DBAPIError) -> SourceUnavailable:
    """The database's error as ours: its first line, which holds no statement and no parameter."""
    lines = str(error.orig).strip().splitlines()
    return SourceUnavailable(lines[0] if lines else type(error.orig).__name__)


def _engine(
    source: SourceSettings, settings: RelaySettings, options: dict[str, str], **pool_options: object
) -> Engine:
    session = {
        "timezone": "UTC",
        "search_path": source.database_schema,
        "statement_timeout": str(settings.database_statement_timeout_ms),
        **options,
    }
    return create_engine(
        make_url(source.database_url).set(drivername="postgresql+psycopg2"),
        isolation_level="AUTOCOMMIT",
        connect_args={
            "connect_timeout": settings.database_connect_timeout_seconds,
            "application_name": "outbox-relay",
            "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
            **_TCP,
        },
        **pool_options,
    )
