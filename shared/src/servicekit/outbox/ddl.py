"""The outbox as SQL, for a migration tool of any kind."""

import re
from importlib import resources

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
MAX_SHARDS = 256
DEFAULT_SHARDS = 4


def outbox_ddl(relay_role: str, schema: str = "public", shards: int = DEFAULT_SHARDS) -> str:
    """A script that makes the outbox in ``schema`` and lets ``relay_role`` publish it; both must exist.

    The role may read events, move cursors, keep dead letters, and call the functions that make and drop
    partitions. Raises ValueError for names that aren't plain lower-case identifiers, and for less than 1 or
    more than 256 shards.
    """
    for name in (relay_role, schema):
        if not _IDENTIFIER.fullmatch(name):
            raise ValueError(f"{name!r} must be a lower-case identifier of letters, digits and underscores")
    if not 1 <= shards <= MAX_SHARDS:
        raise ValueError(f"the number of shards must be from 1 to {MAX_SHARDS}")
    script = resources.files("servicekit.outbox").joinpath("sql", "outbox.sql").read_text(encoding="utf-8")
    values = {
        "@schema@": f'"{schema}"',
        "@schema_literal@": schema,
        "@relay_role@": f'"{relay_role}"',
        "@shards@": str(shards),
    }
    for placeholder, value in values.items():
        script = script.replace(placeholder, value)
    return script
