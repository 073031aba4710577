"""What a service's migration job does, and how it ends."""

import sys
from collections.abc import Mapping

from servicekit.db.migrations import DatabaseUnreachable, RowsInTheWay, WrongDatabase, upgrade
from servicekit.db.pooler import SettingsDropped
from servicekit.db.schema import SchemaContracted, ServiceSchema


def migrate_or_exit(
    database_url: str,
    schema: ServiceSchema,
    options: Mapping[str, str] | None = None,
    *,
    contract: bool = False,
) -> None:
    """:func:`servicekit.db.migrations.upgrade` for a process of its own.

    In one line on stderr it says what is wrong, and exits: with 1 where trying again may help, for a database
    that doesn't answer; with 2 for another service's, one that was contracted past this release, one behind a
    pooler, or rows that contradict a revision.
    """
    try:
        upgrade(database_url, schema, options, contract=contract)
    except DatabaseUnreachable as error:
        _exit(1, error)
    except (WrongDatabase, SchemaContracted, SettingsDropped, RowsInTheWay) as error:
        _exit(2, error)


def _exit(status: int, error: Exception) -> None:
    print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - like any command's error
    raise SystemExit(status) from None
