"""The cursors of an outbox, as the database has them."""

from typing import Any

from tests.support.relay.outbox import Outbox


def cursor_positions(outbox: Outbox) -> list[Any]:
    """Where each shard stands, whichever relay leads it."""
    return outbox.run(
        "SELECT shard, CAST(snapshot AS text), CAST(window_snapshot AS text), window_position"
        " FROM outbox_cursor ORDER BY shard"
    )


def sessions_waiting_to_save(outbox: Outbox) -> list[tuple[int]]:
    """Sessions that wait for the lock on the cursor's row to move it."""
    return outbox.run(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND query LIKE '%save_cursors%'"
    )
