"""Engines with the time limits that a process needs to fail fast and recover by itself."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, make_url, pool
from sqlalchemy import create_engine as sqlalchemy_create_engine

from servicekit.config import DatabaseSettings
from servicekit.db.breaker import protect

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
    driver: Mapping[str, object] | None = None,
    **options: Any,
) -> Engine:
    """An engine on psycopg2, whatever SQLAlchemy takes ``postgresql://`` for.

    ``session`` are PostgreSQL's settings of each connection, in UTC; ``driver`` are further arguments of
    psycopg2, ``options`` further ones of SQLAlchemy.
    """
    settings = {"timezone": "UTC", **session}
    return sqlalchemy_create_engine(
        make_url(database_url).set(drivername="postgresql+psycopg2"),
        connect_args={
            "connect_timeout": connect_timeout_seconds,
            "application_name": application_name,
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            **_KEEPALIVES,
            **(driver or {}),
        },
        **options,
    )
