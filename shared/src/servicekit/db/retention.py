"""Rows that nobody needs any more go, a batch in a transaction, so that nothing waits for them."""

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog
from sqlalchemy import Column, Connection, Engine, Table, delete, func, select

from servicekit.lifecycle import StopSignal

BATCH_ROWS = 1_000
_PAUSE_SECONDS = 0.1
_INTERVAL_SECONDS = 600.0
_log = structlog.get_logger(__name__)

Sweep = Callable[[Connection, int], int]
"""Handles at most so many rows that are old enough, and returns how many it found. It never commits.

It must skip rows that another transaction has locked, and find old ones by an index.
"""


def delete_older(table: Table, time: Column[object], age: timedelta) -> Sweep:
    """Deletes the rows of ``table`` whose ``time`` is longer ago than ``age`` by the database's clock.

    An index must begin with ``time``.
    """

    def sweep(connection: Connection, limit: int) -> int:
        key = list(table.primary_key.columns)
        old = (
            select(*key)
            .where(time < func.clock_timestamp() - age)
            .order_by(time)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("old")
        )
        statement = delete(table).where(*(column == old.c[column.name] for column in key))
        return connection.execute(statement).rowcount

    return sweep


class Retention:
    """Sweeps one after the other. Several processes may do it at the same time: they share the rows."""

    def __init__(self, engine: Engine, sweeps: Mapping[str, Sweep], batch_rows: int = BATCH_ROWS) -> None:
        """``sweeps`` by the name that the log has for what they remove."""
        self._engine = engine
        self._sweeps = sweeps
        self._batch_rows = batch_rows

    def run_once(self, stop: StopSignal) -> dict[str, int]:
        """Remove all that is old enough, unless ``stop`` is set; returns the rows of each sweep.

        Pauses after each batch. Raises what the database raises; what was committed before stays removed.
        """
        return {name: self._run(sweep, stop) for name, sweep in self._sweeps.items()}

    def _run(self, sweep: Sweep, stop: StopSignal) -> int:
        removed = 0
        while not stop.is_set():
            with self._engine.begin() as connection:
                found = sweep(connection, self._batch_rows)
            removed += found
            if found < self._batch_rows:
                break
            stop.wait(_PAUSE_SECONDS)
        return removed


class RetentionThread(threading.Thread):
    """Runs a :class:`Retention` at once and then every ten minutes, until ``stop`` is set.

    No error ends it: it is logged as ``retention_failed``, and the next run tries again.
    """

    def __init__(self, retention: Retention, stop: StopSignal) -> None:
        super().__init__(name="retention", daemon=True)
        self._retention = retention
        self._stop_signal = stop

    def run(self) -> None:
        while not self._stop_signal.is_set():
            try:
                removed = self._retention.run_once(self._stop_signal)
            except Exception as error:  # noqa: BLE001 - what can't be removed now must not stop the service
                if not self._stop_signal.is_set():
                    # Not the message, which may hold values.
                    cause = getattr(error, "orig", error)
                    _log.error("retention_failed", reason=type(cause).__name__)
            else:
                if any(removed.values()):
                    _log.info("rows_expired", **removed)
            self._stop_signal.wait(_INTERVAL_SECONDS)
