"""A service of the former release at work; its own interpreter runs this file: URL TOPIC KEY..."""

import select
import sys
import time
from importlib import import_module
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, MetaData, create_engine

SLOTS_A_SECOND = 20
PAUSE_SECONDS = 0.01
# The former release's, which today's types don't describe.
_idempotency: Any = import_module("servicekit.idempotency")
_event: Any = import_module("servicekit.outbox.event")
_table: Any = import_module("servicekit.outbox.table")
_writer: Any = import_module("servicekit.outbox.writer")


def main(url: str, topic: str, keys: list[str]) -> None:
    """Write events of ``keys``, and execute the request of each slot of time, until stdin is closed."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    outbox = _table.outbox_table(MetaData())
    idempotency_key = _idempotency.idempotency_key_table(MetaData())
    number = 0

    def append(connection: Connection, key: str, number: int) -> None:
        writer = _writer.OutboxWriter(connection, outbox, "/former")
        writer.append(_event.OutboxEvent(uuid4(), topic, key, "test", "Tested", {"number": number}))

    while not select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
        with engine.begin() as connection:
            for key in keys:
                append(connection, key, number)
        slot = int(time.time() * SLOTS_A_SECOND)
        with engine.begin() as connection:
            idempotency_keys = _idempotency.IdempotencyKeys(connection, idempotency_key)
            # Executing a request is an event of a key of its own.
            if idempotency_keys.begin(f"request-{slot}", f"fingerprint-{slot}") is None:
                append(connection, f"request-{slot}", slot)
                idempotency_keys.finish(f"request-{slot}", {"slot": slot})
        number += 1


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
