"""Whether a service's database has the tables that its release can work with, asked before it starts."""

import sys

import structlog
from sqlalchemy.exc import DBAPIError

from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.schema import SchemaRefused, ServiceSchema

_log = structlog.stdlib.get_logger(__name__)


def check_schema_or_exit(settings: DatabaseSettings, schema: ServiceSchema) -> None:
    """Exit with 2, and one line on stderr, when the service can't use one of its families.

    Asked once, before gunicorn forks: a worker that exits is started again for ever. A database that doesn't
    answer is no refusal, so the process starts and its readiness says so, as in any outage.
    """
    service = schema.service
    engine = create_engine(settings, service)
    try:
        with engine.connect() as connection:
            for family in schema.families:
                found = family.read(connection.connection)
                family.check(found, service, f"run `{service} migrate`")
                if found.version > family.newest:
                    _log.warning(
                        "schema_is_newer", schema=family.name, version=found.version, known=family.newest
                    )
    except SchemaRefused as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - like any command's error
        raise SystemExit(2) from None
    except DBAPIError as error:
        _log.warning("schema_not_checked", reason=str(error.orig).strip().partition("\n")[0])
    finally:
        engine.dispose()
