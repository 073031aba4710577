"""Alembic without an .ini file: a service's migrations are part of its package."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from servicekit.db.engine import create_migration_engine
from servicekit.db.pooler import SettingsDropped, check_settings_arrive, refuses_settings
from servicekit.db.schema import ServiceSchema

_log = structlog.stdlib.get_logger(__name__)

# Any constant serves, as long as all migrations of one database use the same.
_ADVISORY_LOCK = 0x6D_69_67_72
_LOCK_PAUSE_SECONDS = 0.2


class DatabaseUnreachable(Exception):
    """The database doesn't answer, or doesn't let us in; the message is its own first line."""


class WrongDatabase(Exception):
    """The database was migrated by another service; nothing was changed in it."""


class RowsInTheWay(Exception):
    """Rows contradict what a revision demands; the message says which. The revision changed nothing."""


class MigrationEnvironment(Protocol):
    """What is needed of the module ``alembic.context`` while it runs an ``env.py``."""

    config: Config

    def configure(self, *, connection: Connection, transaction_per_migration: bool) -> None: ...

    def begin_transaction(self) -> Any: ...

    def run_migrations(self, **kw: Any) -> None: ...


def upgrade(
    database_url: str,
    schema: ServiceSchema,
    options: Mapping[str, str] | None = None,
    *,
    contract: bool = False,
) -> None:
    """Bring a service's database to the newest revision that the code knows.

    A revision whose module says ``contracts = True`` takes away what a former release needs. It is applied
    to a new database, and elsewhere with ``contract`` only: the former release runs while this one is rolled
    out. Without it every revision that doesn't build on such a one is applied, and the log names the rest. A
    revision that expands therefore has the last one that expands as its ``down_revision``.

    ``options`` reach a migration as ``op.get_context().config.attributes``… through :func:`migration_option`.
    A new database is migrated in one transaction, so that it never looks like a former release's half-way;
    another one in a transaction for each revision, which may leave its own by Alembic's ``autocommit_block``.
    Several processes may call this at once: one migrates, the others wait and find nothing left to do.
    A database that a newer release has migrated is left as it is, with a warning: going back to a former
    release starts its migration job, too. A database keeps its service's name, as the comment of
    Alembic's table: revisions don't tell two services apart that both begin with "0001".
    Raises :class:`DatabaseUnreachable`, :class:`WrongDatabase`, :class:`RowsInTheWay`,
    :class:`servicekit.db.schema.SchemaContracted` and :class:`servicekit.db.pooler.SettingsDropped`.
    """
    engine = create_migration_engine(database_url, f"{schema.service} migrate")
    with _connected(engine) as connection:
        # A pooler of transactions would hand the lock to another client.
        check_settings_arrive(connection)
        _wait_for_lock(connection)
        try:
            config = _config(schema.migrations)
            config.attributes["connection"] = connection
            config.attributes["options"] = dict(options or {})
            owner = _owner(connection)
            if owner not in (None, schema.service):
                raise WrongDatabase(f"this database is {owner}'s; {schema.service} has one of its own")
            for family in schema.families:
                family.check_not_contracted(family.read(connection.connection), schema.service)
            if newer := _unknown_revisions(connection, config):
                _log.warning("database_is_newer", revisions=newer, known=_newest(schema.migrations))
            else:
                is_new = not MigrationContext.configure(connection).get_current_heads()
                config.attributes["in_one_transaction"] = is_new
                for target in _targets(connection, config, contract):
                    if not is_new:
                        # In a transaction of ours, Alembic would begin none.
                        connection.commit()
                    command.upgrade(config, target)
                if owner is None:
                    _set_owner(connection, schema.service)
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
            connection.commit()
    engine.dispose()


def _wait_for_lock(connection: Connection) -> None:
    # Not pg_advisory_lock: an index that is built concurrently waits for every session that has a snapshot,
    # so for a statement that waits here, which waits for that build.
    is_waiting = False
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ADVISORY_LOCK}):
        connection.rollback()
        if not is_waiting:
            _log.info("migration_waits_for_another")
            is_waiting = True
        time.sleep(_LOCK_PAUSE_SECONDS)
    connection.commit()


def _connected(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except OperationalError as error:
        if refuses_settings(error):
            raise SettingsDropped from error
        raise DatabaseUnreachable(str(error.orig).strip().partition("\n")[0]) from error


def _owner(connection: Connection) -> str | None:
    """The service whose database this is; None for one that is new, or from before it was noted."""
    owner = connection.scalar(text("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')"))
    return None if owner is None else str(owner)


def _set_owner(connection: Connection, service: str) -> None:
    quoted = connection.scalar(text("SELECT quote_literal(:service)"), {"service": service})
    connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS {quoted}")


def _newest(script_location: Path) -> str:
    return ", ".join(ScriptDirectory.from_config(_config(script_location)).get_heads())


def _config(script_location: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(script_location).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _unknown_revisions(connection: Connection, config: Config) -> list[str]:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    heads = MigrationContext.configure(connection).get_current_heads()
    return [revision for revision in heads if revision not in known]


def _targets(connection: Connection, config: Config, contract: bool) -> list[str]:
    """The revisions to upgrade to, one after the other."""
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_heads()
    if contract or not current:
        return ["heads"]
    expanding: list[str] = []
    held_back: list[str] = []
    for script in reversed(list(scripts.iterate_revisions("heads", current, implicit_base=True))):
        builds_on_a_contraction = not {*script._all_down_revisions}.isdisjoint(held_back)  # noqa: SLF001
        contracts = getattr(script.module, "contracts", False)
        (held_back if contracts or builds_on_a_contraction else expanding).append(script.revision)
    if held_back:
        _log.warning(
            "contraction_is_pending",
            revisions=held_back,
            advice="run migrate --contract once nothing of the former release runs",
        )
    return expanding


def run_in_environment(context: MigrationEnvironment) -> None:
    """The whole of a service's ``env.py``: ``run_in_environment(alembic.context)``."""
    connection = context.config.attributes["connection"]
    assert isinstance(connection, Connection)  # noqa: S101 - narrows the type; upgrade() always sets it
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def migration_option(context_config: Config | None, name: str) -> str:
    """The option ``name`` given to :func:`upgrade`; raises KeyError when it wasn't given."""
    if context_config is None:
        raise KeyError(name)
    options = context_config.attributes["options"]
    return str(options[name])
