"""Settings of a PostgreSQL database and of its migration job."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PostgresDsn, TypeAdapter
from pydantic_settings import BaseSettings

from servicekit.config.process import ProcessSettings
from servicekit.config.readable import check_readable

_postgres_dsn = TypeAdapter(PostgresDsn)
# libpq's own words.
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SSL_MODES_OF_CHANCE = ("disable", "allow", "prefer")
_WRITABLE = ("read-write", "primary")
_SSL_FILES = {"sslrootcert", "sslcert", "sslkey", "sslcrl"}


def _check_database_url(value: str) -> str:
    url = _postgres_dsn.validate_python(value)
    if url.scheme not in {"postgresql", "postgres"}:
        raise ValueError("must begin with postgresql://")
    if not all(host["host"] for host in url.hosts()):
        raise ValueError("must name a host")
    if not url.path or url.path == "/":
        raise ValueError("must name a database, as in postgresql://user:password@host:5432/database")
    parameters = dict(url.query_params())
    if len(url.hosts()) > 1 and parameters.get("target_session_attrs") not in _WRITABLE:
        raise ValueError("names several hosts, which may be standbys: say target_session_attrs=read-write")
    _check_encryption(parameters)
    _check_parameters(value)
    return value


def _check_parameters(value: str) -> None:
    # Only processes with a database have its driver.
    from psycopg2 import ProgrammingError
    from psycopg2.extensions import parse_dsn

    try:
        parse_dsn(value)
    except ProgrammingError:
        # Its own words may hold the password.
        raise ValueError("has an unknown parameter or a % that begins no code of a character") from None


def _check_encryption(parameters: dict[str, str]) -> None:
    """libpq would say so only with the first connection, and again with every later one."""
    mode = parameters.get("sslmode", "prefer")
    if mode not in _SSL_MODES:
        raise ValueError(f"sslmode must be one of {', '.join(_SSL_MODES)}")
    files = sorted(_SSL_FILES & parameters.keys())
    if files and mode in _SSL_MODES_OF_CHANCE:
        raise ValueError(f"{files[0]} is of no use with sslmode={mode}: say verify-full")
    for name in files:
        if (name, parameters[name]) != ("sslrootcert", "system"):
            check_readable(Path(parameters[name]), f"{name} ")


DatabaseUrl = Annotated[str, AfterValidator(_check_database_url)]
"""As libpq takes it; of several hosts, the first one that can be written to is used."""


class DatabaseSettings(BaseSettings):
    """One PostgreSQL database and how patiently it is used."""

    database_url: DatabaseUrl
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 16
    database_pool_timeout_seconds: Annotated[float, Field(gt=0)] = 5.0
    database_connect_timeout_seconds: Annotated[int, Field(ge=1)] = 3
    database_statement_timeout_ms: Annotated[int, Field(ge=1)] = 30_000
    database_lock_timeout_ms: Annotated[int, Field(ge=1)] = 3_000
    """How long a statement waits for another transaction; less than a process has for stopping."""
    database_idle_in_transaction_timeout_ms: Annotated[int, Field(ge=1)] = 10_000
    """After how long PostgreSQL ends the transaction of a process that was frozen inside of it."""
    database_pooling: Literal["session", "transaction"] = "session"
    """What a pooler in front of the database gives us: a session as if there were none, or transactions."""


class DatabaseMigrationSettings(ProcessSettings):
    """What a migration job reads."""

    database_url: DatabaseUrl


class OutboxMigrationSettings(DatabaseMigrationSettings):
    """The same, for a service with an outbox."""

    outbox_relay_role: Annotated[str, Field(min_length=1, max_length=63)] = "outbox_relay"
    """The role that the relay connects as; it must exist."""
