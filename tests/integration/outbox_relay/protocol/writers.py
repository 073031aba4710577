"""Services that write events, each in its transaction, which may take long."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from tests.integration.outbox_relay.protocol.database import TOPIC
from tests.integration.outbox_relay.protocol.guarantees import History, WrittenEvent
from tests.support.relay.outbox import Transaction


@dataclass
class Writer:
    """One session, and what its open transaction has written."""

    connection: Connection
    history: History
    written: list[WrittenEvent] = field(default_factory=list)
    savepoints: list[int] = field(default_factory=list)
    """How many events had been written at each."""

    @property
    def is_open(self) -> bool:
        return self.connection.in_transaction()

    def begin(self) -> None:
        """Begin, so that the transaction is seen to run: its id comes with the first write."""
        self.connection.execute(text("SELECT 1"))

    def lock(self, key: str) -> bool:
        """Lock the aggregate unless another has. That takes a transaction id."""
        row = self.connection.execute(
            text("SELECT FROM aggregate WHERE key = :key FOR UPDATE SKIP LOCKED"), {"key": key}
        )
        return row.rowcount == 1

    def insert(self, key: str, now: int) -> WrittenEvent:
        number = len(self.history.events)
        event_id = str(Transaction(self.connection, TOPIC).append(key, number))
        event = WrittenEvent(event_id, key, f"{key}{number}", now)
        self.history.events[event_id] = event
        self.written.append(event)
        return event

    def savepoint(self) -> None:
        self.connection.execute(text(f"SAVEPOINT s{len(self.savepoints)}"))
        self.savepoints.append(len(self.written))

    def roll_back_to_savepoint(self) -> None:
        kept = self.savepoints.pop()
        self.connection.execute(text(f"ROLLBACK TO SAVEPOINT s{len(self.savepoints)}"))
        del self.written[kept:]

    def commit(self, now: int) -> None:
        self.connection.commit()
        for event in self.written:
            event.committed_at = now
        self._forget()

    def roll_back(self) -> None:
        self.connection.rollback()
        self._forget()

    def _forget(self) -> None:
        self.written, self.savepoints = [], []
