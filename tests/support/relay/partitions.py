"""Partitions of an outbox."""

from tests.support.relay.outbox import Outbox


def partitions(outbox: Outbox) -> list[str]:
    """Those with bounds, the lowest first."""
    return [
        name for (name,) in outbox.run("SELECT name FROM outbox_partition_bounds() ORDER BY lower_position")
    ]


def ended_by(outbox: Outbox, position: int) -> list[str]:
    """Partitions that end at or before a position."""
    rows = outbox.run(
        "SELECT name FROM outbox_partition_bounds() WHERE upper_position <= :position", position=position
    )
    return [name for (name,) in rows]
