"""What an operator does to all cursors of an outbox at once. Relays may run; they go on from the new ones."""

from sqlalchemy import Engine

from outbox_relay.postgresql.queries import query
from outbox_relay.postgresql.session import translated_errors


def rebase(engine: Engine) -> int:
    """After a restore into another cluster, let the cursors speak of its transactions.

    Returns how many events will be published. Raises :class:`SourceUnavailable`.
    """
    with translated_errors(), engine.connect() as connection:
        return int(connection.execute(query("rebase")).scalar_one())


def reshard(engine: Engine, shards: int) -> None:
    """Divide the outbox's keys among another number of shards. Raises :class:`SourceUnavailable`."""
    with translated_errors(), engine.connect() as connection:
        connection.execute(query("reshard"), {"shards": shards})
