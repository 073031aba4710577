"""A migration that waits for another transaction, as the server sees it."""

from sqlalchemy import Engine, text

from tests.support.waiting import wait_until

_WAITS = text("""
    SELECT FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE '% migrate' AND wait_event_type = 'Lock'
""")


def wait_until_migration_waits(engine: Engine) -> None:
    """Until a statement of a migration waits for a lock: from now on, or once more."""

    def waits() -> bool:
        with engine.connect() as connection:
            return connection.execute(_WAITS).first() is not None

    wait_until(waits, "the migration to wait")
