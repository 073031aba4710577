"""One transaction, seen from the application."""

from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, func, select


class UnitOfWork:
    """A transaction that rolls back unless :meth:`commit` was called.

    A service derives its own from this and adds its repositories and its outbox in :meth:`opened`, all
    of them on :attr:`connection`; an event can then only be written together with its domain change.
    """

    connection: Connection

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def opened(self) -> None:
        """Called with :attr:`connection` ready; build what works on it here."""

    def now(self) -> datetime:
        """The database's clock, in UTC. What is compared across hosts takes its time from here only."""
        moment: datetime = self.connection.execute(select(func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)

    def commit(self) -> None:
        """Make everything done so far durable. Raises what the database raises; nothing is then stored."""
        self.connection.commit()

    def __enter__(self) -> Self:
        self.connection = self._engine.connect()
        self.opened()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # close() rolls back whatever was not committed.
        self.connection.close()
