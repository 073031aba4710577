"""The session in which a relay works on one source's database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, TextClause
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from outbox_relay.postgresql.database import unavailable
from outbox_relay.postgresql.queries import execution, preparation
from outbox_relay.protocol.errors import SessionLost, SourceUnavailable


class WorkSession:
    """One session, used by one thread, that is never replaced behind its user's back.

    A crash of the server takes back what had not reached the disk, and hands transaction ids out again that
    left no trace there. Two rules keep an event with such an xid from being taken for published:

    - A cursor in memory lives no longer than the session that it was loaded in. It may cover xids that a
      crash has taken back, and no session survives a crash. The leadership is renounced with it: where a
      standby server was promoted that lagged behind, the epoch is lost, too.
    - A stored cursor covers no xid that is still to be handed out, though it is saved without waiting for the
      disk. A snapshot's xmax is at most the next xid of its time, and the transaction that saves it, in the
      same session, takes its own xid after that: xmax <= own xid. Where the saved row has survived, so has
      its commit record or a checkpoint behind it, and from either the recovery moves the next xid past its
      own. What the snapshot shows as committed was logged before that record, so it has survived as well;
      what it shows as running has rolled back unless it has committed since.
    """

    def __init__(self, engine: Engine, on_loss: Callable[[], None]) -> None:
        self._engine = engine
        self._on_loss = on_loss
        self._connection: Connection | None = None
        self._prepared: set[str] = set()

    def begin(self) -> None:
        """Raises :class:`SourceUnavailable`."""
        self.end()
        with translated_errors():
            self._connection = self._engine.connect()

    def run(self, statement: TextClause, **parameters: object) -> CursorResult[Any]:
        """Run a statement in a transaction of its own.

        Raises :class:`SessionLost` when the session has ended, :class:`SourceUnavailable` for other errors.
        """
        with self._in_session() as connection:
            return connection.execute(statement, parameters)

    def run_prepared(self, name: str, **parameters: object) -> CursorResult[Any]:
        """Like :meth:`run`, for one that is asked so often that its plan would cost more than its answer."""
        with self._in_session() as connection:
            if name not in self._prepared:
                connection.exec_driver_sql(preparation(name))
                self._prepared.add(name)
            return connection.execute(execution(name), parameters)

    def rows(self, statement: TextClause, **parameters: object) -> list[tuple[Any, ...]]:
        """All rows of a query as plain tuples: SQLAlchemy's cost more than PostgreSQL takes to read them."""
        result = self.run(statement, **parameters)
        try:
            return list(result.cursor.fetchall()) if result.cursor is not None else []
        finally:
            result.close()

    @contextmanager
    def _in_session(self) -> Iterator[Connection]:
        if self._connection is None:
            raise SessionLost
        try:
            yield self._connection
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise unavailable(error) from error
            self.end()
            self._on_loss()
            raise SessionLost(str(unavailable(error))) from error

    def end(self) -> None:
        connection, self._connection = self._connection, None
        self._prepared = set()
        if connection is not None:
            connection.invalidate()
            connection.close()


@contextmanager
def translated_errors() -> Iterator[None]:
    """The driver's errors as the relay's own."""
    try:
        yield
    except DBAPIError as error:
        raise unavailable(error) from error
    except PoolTimeoutError as error:
        raise SourceUnavailable(str(error)) from error
