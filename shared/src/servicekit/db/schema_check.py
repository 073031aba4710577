"""Whether a service's database has the tables that its release can work with, asked before it starts."""

import sys
from typing import NoReturn

import psycopg2
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from servicekit.config import DatabaseSettings
from servicekit.db.disclosure import summary
from servicekit.db.engine import create_engine
from servicekit.db.pooler import SettingsDropped, check_settings_arrive, refuses_settings
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
    """Exit with 2, and one line on stderr, when :func:`check_schema` or a pooler refuses.

    Asked once, before gunicorn forks: a worker that exits is started again for ever. A database that doesn't
    answer is no refusal: the process starts, and its readiness asks again.
    """
    engine = create_engine(settings, schema.service)
    try:
        with engine.connect() as connection:
            if settings.database_pooling == "session":
                check_settings_arrive(connection)
            check_schema(connection, schema, warn=True)
    except (SchemaRefused, SettingsDropped) as error:
        _refuse(error)
    except (DBAPIError, psycopg2.Error) as error:
        if refuses_settings(error):
            _refuse(SettingsDropped())
        _log.warning("schema_not_checked", reason=summary(error))
    finally:
        engine.dispose()


def _refuse(error: Exception) -> NoReturn:
    print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - like any command's error
    raise SystemExit(2) from None
