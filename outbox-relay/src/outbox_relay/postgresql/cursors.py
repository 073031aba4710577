"""Changes of all cursors of an outbox, made by operators. Running relays go on from the new cursors."""

from sqlalchemy import Engine, text

from outbox_relay.postgresql.session import translated_errors


def rebase(engine: Engine) -> int:
    """After a restore into another cluster, make the cursors refer to its transactions.

    Returns how many events will be published. Raises :class:`SourceUnavailable`.
    """
    with translated_errors(), engine.connect() as connection:
        return int(connection.execute(text("SELECT outbox_rebase()")).scalar_one())


def reshard(engine: Engine, shards: int) -> None:
    """Divide the outbox's keys among another number of shards. Raises :class:`SourceUnavailable`."""
    with translated_errors(), engine.connect() as connection:
        connection.execute(text("SELECT outbox_reshard(:shards)"), {"shards": shards})
