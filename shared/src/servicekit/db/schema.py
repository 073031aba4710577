"""Versions of the tables that servicekit gives to a service, and which code may use them.

A family of tables changes in numbered SQL files, which are never edited once released. A file *expands* what
is there, so that the former release goes on beside the new one, or *contracts* it, once the former one has
gone. The database records its version and the oldest one whose code it still supports.

The record is a function of two constants, ``<family>_schema_version()``. It belongs to the schema and not to
the data, so a copy of the schema alone (``pg_dump --schema-only``, a logical replica, a test's template) has
it, too; a row would be missing there. It is replaced in the transaction that changes the tables, is dropped
with them, and any role may call it. A comment would do as well, but tools that compare comments with a
model's remove those that they don't know.

Databases from before there was a record have version 1.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

_FILE = re.compile(r"(\d{4})_[a-z_]+\.sql")
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class SchemaRefused(Exception):
    """The schema has a version that this release can't work with; the message says what to run."""


class SchemaTooOld(SchemaRefused):
    """The schema is older than this release needs."""


class SchemaContracted(SchemaRefused):
    """The schema was contracted past this release."""


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """What a database says of a family; version 0 means that its tables are missing."""

    version: int
    oldest_supported: int
    """Code that was written for this version, or for a later one, works."""


@dataclass(frozen=True, slots=True)
class SchemaFamily:
    """Tables that change together, in the files ``sql/0001_….sql``, ``0002_…`` and so on of ``package``."""

    name: str
    """Of its first table, too."""
    package: str
    needs: int
    """The oldest version on which the code of this release works."""

    @property
    def newest(self) -> int:
        """The newest version that this release knows."""
        return len(_files(self.package))

    def script(self, after: int, to: int, values: Mapping[str, str]) -> str:
        """What leads from version ``after`` to version ``to``, with ``values`` in place of ``@name@``.

        Raises ValueError for versions that this release doesn't know.
        """
        files = _files(self.package)
        for version in (after, to):
            if not 0 <= version <= len(files):
                raise ValueError(f"{self.name} has the versions 1 to {len(files)}; there is no {version}")
        script = "\n".join(files[number] for number in range(after + 1, to + 1))
        for name, value in values.items():
            script = script.replace(f"@{name}@", value)
        return script

    def check(self, found: SchemaVersion, program: str, upgrade: str) -> None:
        """Raises :class:`SchemaRefused` when ``program``, of this release, can't use what was found.

        ``upgrade`` says what brings the schema up to date, as "run …".
        """
        self.check_not_contracted(found, program)
        if found.version < self.needs:
            has = f"has version {found.version}" if found.version else "is missing"
            needs = f"this release of {program} needs version {self.needs}"
            raise SchemaTooOld(f"schema {self.name} {has}, and {needs}: {upgrade}")

    def check_not_contracted(self, found: SchemaVersion, program: str) -> None:
        """Raises :class:`SchemaContracted`."""
        if found.oldest_supported > self.newest:
            raise SchemaContracted(
                f"schema {self.name} has version {found.version}, made for releases that know version"
                f" {found.oldest_supported} or later, and this release of {program} knows {self.newest}:"
                f" run a newer release of {program}"
            )

    def read(self, dbapi_connection: Any, schema: str | None = None) -> SchemaVersion:
        """What the database says; without ``schema`` the tables are looked for along the search path.

        Raises what the driver raises.
        """
        place = "" if schema is None else f"{quoted(schema)}."
        record = f"{place}{self.name}_schema_version()"
        with _cursor(dbapi_connection) as cursor:
            cursor.execute("SELECT to_regclass(%s), to_regprocedure(%s)", (f"{place}{self.name}", record))
            table, function = cursor.fetchone()
            if function is not None:
                cursor.execute(f"SELECT version, oldest_supported FROM {record}")  # noqa: S608 - our own names
                return SchemaVersion(*cursor.fetchone())
        return SchemaVersion(0, 0) if table is None else SchemaVersion(1, 1)


@dataclass(frozen=True, slots=True)
class ServiceSchema:
    """What a service's database consists of."""

    service: str
    """Kept in the database, so that no other service migrates it."""
    migrations: Path
    """The folder of Alembic's ``env.py``, which calls ``run_in_environment``, and of ``versions/``."""
    families: tuple[SchemaFamily, ...] = ()
    """Those of servicekit's tables that the migrations make."""


@cache
def _files(package: str) -> Mapping[int, str]:
    """The scripts by their numbers."""
    folder = resources.files(package) / "sql"
    return {
        int(match[1]): file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if (match := _FILE.fullmatch(file.name))
    }


def quoted(identifier: str) -> str:
    """Raises ValueError for what isn't a plain lower-case identifier."""
    if not _IDENTIFIER.fullmatch(identifier):
        raise ValueError(f"{identifier!r} must be a lower-case identifier of letters, digits and underscores")
    return f'"{identifier}"'


@contextmanager
def _cursor(dbapi_connection: Any) -> Iterator[Any]:
    cursor = dbapi_connection.cursor()
    try:
        yield cursor
    finally:
        cursor.close()
