"""An outbox that keeps what it has published long ago."""

from tests.benchmarks.relay.backlog import write_backlog
from tests.benchmarks.relay.world import World

_ROWS_A_STATEMENT = 1_000_000

# What relays would have made in all that time.
_PARTITIONS = "SELECT count(*) FROM outbox_add_partitions(1000000, 12, '1 day')"
# What a relay that has published everything has stored: all that is visible now is behind it.
_PASS = """
    UPDATE outbox_cursor
    SET snapshot = pg_current_snapshot(), window_snapshot = NULL, window_position = NULL
"""


def keep_published_rows(world: World, rows: int) -> None:
    """Add ``rows`` rows that the cursor has passed, vacuumed as autovacuum would have done since."""
    world.execute(_PARTITIONS)
    write_backlog(world, "published-long-ago", rows, _ROWS_A_STATEMENT)
    world.execute(_PASS, "VACUUM (ANALYZE) outbox", "CHECKPOINT")
