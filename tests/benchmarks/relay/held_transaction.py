"""A transaction that is left open."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

from tests.benchmarks.relay.world import World


@contextmanager
def a_held_transaction(world: World) -> Iterator[None]:
    """Open, with a transaction id and a snapshot, from before the block until after it."""
    connection = psycopg2.connect(world.administrator_url)
    try:
        connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
            began = cursor.fetchone()
            yield
            cursor.execute("SELECT pg_current_xact_id()")
            if cursor.fetchone() != began:
                raise RuntimeError("the transaction was not held")
        connection.rollback()
    finally:
        connection.close()
