"""Engines with the time limits that a service needs to fail fast and recover by itself."""

from sqlalchemy import Engine, make_url
from sqlalchemy import create_engine as sqlalchemy_create_engine
from sqlalchemy.engine import URL

from servicekit.config import DatabaseSettings


def psycopg2_url(database_url: str) -> URL:
    """``postgresql://…`` for the psycopg2 driver; SQLAlchemy 2.1 would take that scheme for psycopg 3."""
    return make_url(database_url).set(drivername="postgresql+psycopg2")


def create_engine(settings: DatabaseSettings, application_name: str) -> Engine:
    """An engine whose connections are checked before use, so that a restarted server costs no failed request.

    Make it after a fork, never before: connections must not be shared between processes.
    """
    return sqlalchemy_create_engine(
        psycopg2_url(settings.database_url),
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=settings.database_pool_timeout_seconds,
        pool_pre_ping=True,
        pool_use_lifo=True,
        connect_args={
            "connect_timeout": settings.database_connect_timeout_seconds,
            "application_name": application_name,
            "options": (
                "-c timezone=UTC"
                f" -c statement_timeout={settings.database_statement_timeout_ms}"
                f" -c lock_timeout={settings.database_lock_timeout_ms}"
                " -c idle_in_transaction_session_timeout="
                f"{settings.database_idle_in_transaction_timeout_ms}"
            ),
            # A peer that vanished without a word (a cut network) is noticed within half a minute.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
        },
    )
