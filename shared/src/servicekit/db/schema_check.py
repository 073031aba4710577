"""Whether a service's database has the tables that its release can work with, asked before it starts."""

import sys

import psycopg2
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.schema import SchemaRefused, ServiceSchema

_log = structlog.stdlib.get_logger(__name__)


def check_schema(connection: Connection, schema: ServiceSchema, *, warn: bool = False) -> None:
    """Raises :class:`servicekit.db.schema.SchemaRefused` when the service can't use one of its families.

    With ``warn`` a newer one that it can use is logged.
    """
    for family in schema.families:
        found = family.read(connection.connection)
        family.check(found, schema.service, f"run `{schema.service} migrate`")
        if found.version > family.newest and warn:
            _log.warning("schema_is_newer", schema=family.name, version=found.version, known=family.newest)


def check_schema_or_exit(settings: DatabaseSettings, schema: ServiceSchema) -> None:
    """Exit with 2, and one line on stderr, when :func:`check_schema` refuses.

    Asked once, before gunicorn forks: a worker that exits is started again for ever. A database that doesn't
    answer is no refusal: the process starts, and its readiness asks again.
    """
    engine = create_engine(settings, schema.service)
    try:
        with engine.connect() as connection:
            check_schema(connection, schema, warn=True)
    except SchemaRefused as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - like any command's error
        raise SystemExit(2) from None
    except (DBAPIError, psycopg2.Error) as error:
        reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        _log.warning("schema_not_checked", reason=reason)
    finally:
        engine.dispose()
