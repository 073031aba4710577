"""Engines with the time limits that a process needs to fail fast and recover by itself."""

from collections.abc import Mapping
from typing import Any, Literal

from psycopg2.extensions import parse_dsn
from sqlalchemy import URL, Engine, make_url, pool
from sqlalchemy import create_engine as sqlalchemy_create_engine

from servicekit.config import DatabaseSettings
from servicekit.db.breaker import protect
from servicekit.db.disclosure import conceal_values
from servicekit.db.liveness import check_recent_by_socket
from servicekit.db.pooler import set_in_each_transaction, startup_options
from servicekit.db.prepared import prepare_in_sessions
from servicekit.db.sessions import replace_read_only_sessions

_DRIVER = "postgresql+psycopg2"
# A peer that vanished without closing the connection (a cut network) is noticed within half a minute.
_KEEPALIVES = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def create_engine(settings: DatabaseSettings, application_name: str) -> Engine:
    """An engine whose connections are checked before use, so that a restarted server costs no failed request.

    Make it after a fork, never before: connections must not be shared between processes.
    """
    engine = engine_of(
        settings.database_url,
        application_name,
        pooling=settings.database_pooling,
        connect_timeout_seconds=settings.database_connect_timeout_seconds,
        session={
            "statement_timeout": settings.database_statement_timeout_ms,
            "lock_timeout": settings.database_lock_timeout_ms,
            "idle_in_transaction_session_timeout": settings.database_idle_in_transaction_timeout_ms,
        },
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=settings.database_pool_timeout_seconds,
        pool_pre_ping=True,
        pool_use_lifo=True,
    )
    check_recent_by_socket(engine)
    protect(engine, settings.database_statement_timeout_ms)
    return engine


def create_migration_engine(database_url: str, application_name: str) -> Engine:
    """An engine for one session, whose statements may take as long as they need."""
    return engine_of(
        database_url, application_name, connect_timeout_seconds=10, session={}, poolclass=pool.NullPool
    )


def engine_of(
    database_url: str,
    application_name: str,
    *,
    connect_timeout_seconds: int,
    session: Mapping[str, object],
    pooling: Literal["session", "transaction"] = "session",
    driver: Mapping[str, object] | None = None,
    **options: Any,
) -> Engine:
    """An engine on psycopg2, whatever SQLAlchemy takes ``postgresql://`` for.

    Its errors hold no values of rows or parameters, and its pool keeps no session that can't write.

    ``session`` are PostgreSQL's settings of each connection, in UTC; ``driver`` are further arguments of
    psycopg2, ``options`` further ones of SQLAlchemy. With transaction ``pooling`` there is no session to rely
    on: the settings are made in each transaction, which may cost it a round trip.
    """
    settings = {"timezone": "UTC", **session}
    url, hosts = _address(database_url)
    engine = sqlalchemy_create_engine(
        url,
        connect_args={
            "connect_timeout": connect_timeout_seconds,
            "application_name": application_name,
            **({"options": startup_options(settings)} if pooling == "session" else {}),
            **_KEEPALIVES,
            **hosts,
            **(driver or {}),
        },
        # Also in the statements that SQLAlchemy logs.
        hide_parameters=True,
        **options,
    )
    conceal_values(engine)
    if pooling == "session":
        replace_read_only_sessions(engine)
        prepare_in_sessions(engine)
    else:
        set_in_each_transaction(engine, settings)
    return engine


def _address(database_url: str) -> tuple[URL, Mapping[str, str]]:
    """A URL as SQLAlchemy knows it, and psycopg2's arguments for several hosts, which it doesn't know."""
    parameters: dict[str, str] = dict(parse_dsn(database_url))
    if "," not in parameters.get("host", ""):
        return make_url(database_url).set(drivername=_DRIVER), {}
    hosts: dict[str, str] = {name: parameters.pop(name) for name in ("host", "port") if name in parameters}
    user, password = parameters.pop("user", None), parameters.pop("password", None)
    database = parameters.pop("dbname")
    return URL.create(_DRIVER, user, password, database=database, query=parameters), hosts
