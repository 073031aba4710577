"""The outbox as SQL, for a migration tool of any kind."""

from collections.abc import Mapping

from servicekit.db.schema import quoted
from servicekit.outbox.schema import OUTBOX

MAX_SHARDS = 256
DEFAULT_SHARDS = 4


def outbox_ddl(
    relay_role: str,
    schema: str = "public",
    shards: int = DEFAULT_SHARDS,
    *,
    after: int = 0,
    to: int | None = None,
) -> str:
    """A script that makes the outbox in ``schema`` and lets ``relay_role`` publish it; both must exist.

    The role may read events, move cursors, keep dead letters, and call the functions that make and drop
    partitions. ``after`` is the version that is there already and ``to`` the one that is wanted, else the
    newest. Raises ValueError for names that aren't plain lower-case identifiers, for less than 1 or more than
    256 shards, and for versions that there aren't.
    """
    values = {"schema": quoted(schema), **outbox_values(relay_role, schema, shards)}
    return OUTBOX.script(after, OUTBOX.newest if to is None else to, values)


def outbox_values(relay_role: str, schema: str, shards: int) -> Mapping[str, str]:
    """What stands for the placeholders of the outbox's files. Raises as :func:`outbox_ddl` does."""
    if not 1 <= shards <= MAX_SHARDS:
        raise ValueError(f"the number of shards must be from 1 to {MAX_SHARDS}")
    return {"schema_literal": schema, "relay_role": quoted(relay_role), "shards": str(shards)}
