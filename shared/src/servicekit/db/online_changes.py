"""What migrations do to tables that are in use, so that nobody queues behind a migration that waits."""

import itertools
import time

import structlog
from alembic import op
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from servicekit.db.errors import sqlstate

_LOCK_TIMEOUT_MS = 500
_PAUSE_SECONDS = 0.5
_LOCK_NOT_AVAILABLE = "55P03"
_ATTEMPTS_PER_LOG_LINE = 10
_STATEMENT_CHARACTERS = 60

_log = structlog.stdlib.get_logger(__name__)


def alter_in_use(statements: str) -> None:
    """Execute ``statements`` once the locks that they take are free, trying again until they are.

    A statement that waited for its lock would stop everybody who comes after it, for as long as an older
    transaction uses the table. While it waits, the log says so every few seconds. The locks stay until the
    transaction ends: call :func:`commit_so_far` before anything that takes long or waits for another table.
    """
    for attempt in itertools.count(1):
        try:
            with op.get_bind().begin_nested():
                op.execute(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT_MS}")
                op.execute(statements)
        except OperationalError as error:
            if sqlstate(error) != _LOCK_NOT_AVAILABLE:
                raise
            if attempt % _ATTEMPTS_PER_LOG_LINE == 1:
                _log.warning(
                    "migration_waits_for_a_table",
                    statement=" ".join(statements.split())[:_STATEMENT_CHARACTERS],
                    attempts=attempt,
                    advice="look in pg_stat_activity for an old transaction that uses it",
                )
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def commit_so_far() -> None:
    """Commit what the revision has done, which must therefore bear being repeated, and free its locks.

    Does nothing in a new database, which nobody uses yet: all of its revisions share one transaction.
    """
    context = op.get_context()
    if context.config is not None and context.config.attributes.get("in_one_transaction", False):
        return
    with context.autocommit_block():
        pass  # Entering it commits.


def validate_constraint(table: str, name: str) -> None:
    """Hold the rows that were there before a constraint to it, which was added as ``NOT VALID``.

    Rows that break it stay as they are, with a warning, and new ones are held to it all the same. Takes no
    lock that stops writers; call :func:`commit_so_far` before, so that none is held meanwhile.
    """
    try:
        with op.get_bind().begin_nested():
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
    except IntegrityError:
        _log.warning(
            "constraint_is_broken_by_former_rows",
            table=table,
            constraint=name,
            advice=f"mend them, then: ALTER TABLE {table} VALIDATE CONSTRAINT {name}",
        )


def build_index(name: str, table: str, definition: str, *, is_unique: bool = False) -> None:
    """Create an index beside writers; ``definition`` follows the table's name, as in ``(id) WHERE …``.

    Commits what the revision has done so far, which must therefore bear being repeated: unless the table is
    empty, as it is in a new database, whose revisions share one transaction. What an interrupted build left
    is built again: it costs every write and serves no query.
    """
    is_empty = text(f"SELECT NOT EXISTS (SELECT FROM {table})")  # noqa: S608 - our own names
    kind = "UNIQUE INDEX" if is_unique else "INDEX"
    if op.get_bind().scalar(is_empty):
        op.execute(f"CREATE {kind} IF NOT EXISTS {name} ON {table} {definition}")
        return
    is_invalid = text("SELECT FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid")
    with op.get_context().autocommit_block():
        if op.get_bind().execute(is_invalid, {"name": name}).first() is not None:
            op.execute(f"DROP INDEX CONCURRENTLY {name}")
        op.execute(f"CREATE {kind} CONCURRENTLY IF NOT EXISTS {name} ON {table} {definition}")
