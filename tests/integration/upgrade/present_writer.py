"""A service of this release at work, beside one of the former release."""

import threading
import time
from types import TracebackType
from typing import Self
from uuid import uuid4

from sqlalchemy import Connection, Engine, MetaData

from servicekit.idempotency.key import Claim, IdempotencyKey
from servicekit.idempotency.keys import IdempotencyKeys
from servicekit.idempotency.table import idempotency_key_table
from servicekit.outbox.event import OutboxEvent
from servicekit.outbox.table import outbox_table
from servicekit.outbox.writer import OutboxWriter

SCOPE = "/requests"
_SLOTS_A_SECOND = 20
_PAUSE_SECONDS = 0.01
_OUTBOX = outbox_table(MetaData())
_KEYS = idempotency_key_table(MetaData())


def claim(connection: Connection, key: str, fingerprint: str, scope: str = SCOPE) -> bool:
    """Whether this transaction is the first with this key, and has to execute the request."""
    keys = IdempotencyKeys(connection, _KEYS)
    [outcome] = keys.claim_all([Claim(IdempotencyKey(scope, key, fingerprint), {})])
    return outcome is None


def execute_request(connection: Connection, topic: str, slot: int) -> None:
    """Executing it is an event of a key of its own."""
    if claim(connection, f"request-{slot}", f"fingerprint-{slot}"):
        append(connection, topic, f"request-{slot}", slot)


def append(connection: Connection, topic: str, key: str, number: int) -> None:
    event = OutboxEvent(uuid4(), topic, key, "test", "Tested", {"number": number})
    OutboxWriter(connection, _OUTBOX, "/present").append(event)


class PresentWriter:
    """Does what the former writer does, at the same time, and with the same idempotency keys."""

    def __init__(self, engine: Engine, topic: str, key: str) -> None:
        self._engine = engine
        self._topic = topic
        self._key = key
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._failure: Exception | None = None

    def _write(self) -> None:
        number = 0
        try:
            while not self._stop.wait(_PAUSE_SECONDS):
                with self._engine.begin() as connection:
                    append(connection, self._topic, self._key, number)
                with self._engine.begin() as connection:
                    execute_request(connection, self._topic, int(time.time() * _SLOTS_A_SECOND))
                number += 1
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
            self._failure = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
