"""Rows that nobody needs any more go, a batch in a transaction, so that nothing waits for them."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    any_,
    delete,
    func,
    literal_column,
    select,
)

from servicekit.lifecycle import StopSignal

BATCH_ROWS = 250
_PAUSE_SECONDS = 0.05
_PAUSE_BATCHES = 4
"""The pause lasts at least as long as so many batches: a slow database is left alone for longer."""
_INTERVAL_SECONDS = 600.0
_REMOVED = Counter("retention_rows_removed", "Rows that were old enough to go.", ["rows"])
_SECONDS = Gauge(
    "retention_seconds_since_success",
    "Since a batch of these rows was last removed, or none was old enough; since the start before that.",
    ["rows"],
)
_log = structlog.get_logger(__name__)

Sweep = Callable[[Connection, int], int]
"""Handles at most so many rows that are old enough, and returns how many it found. It never commits.

It must skip rows that another transaction has locked, and find old ones by an index.
"""


def delete_older(
    table: Table, at: ColumnElement[Any], age: timedelta, *conditions: ColumnElement[bool]
) -> Sweep:
    """Deletes the rows of ``table`` that meet the conditions and whose time ``at`` is older than ``age``.

    The database's clock decides. An index must begin with ``at``, a column or an
    expression, and few old rows may fail the conditions:
    every batch reads those again.
    """

    def sweep(connection: Connection, limit: int) -> int:
        place: ColumnElement[str] = literal_column("ctid")
        old = (
            select(place)
            .select_from(table)
            # Not clock_timestamp(), which no index can be searched for: a batch would read all that is young.
            .where(at < func.statement_timestamp() - age, *conditions)
            .order_by(at)
            .limit(limit)
            .with_for_update(skip_locked=True, of=table)
            .scalar_subquery()
        )
        # By place: a join by keys reads the whole table where statistics are missing. Locked rows don't move.
        return connection.execute(delete(table).where(place == any_(func.array(old)))).rowcount

    return sweep


class Retention:
    """Sweeps one after the other. Several processes may do it at the same time: they share the rows."""

    def __init__(self, engine: Engine, sweeps: Mapping[str, Sweep], batch_rows: int = BATCH_ROWS) -> None:
        """``sweeps`` by the name that log and metrics have for what they remove."""
        self._engine = engine
        self._sweeps = sweeps
        self._batch_rows = batch_rows
        for name in sweeps:
            _succeeded(name)

    def run_once(self, stop: StopSignal) -> dict[str, int]:
        """Remove all that is old enough, unless ``stop`` is set; returns the rows of each sweep.

        Pauses after each batch. Raises what the database raises, after the other sweeps had their turn; what
        was committed stays removed.
        """
        removed: dict[str, int] = {}
        errors: list[Exception] = []
        for name, sweep in self._sweeps.items():
            try:
                removed[name] = self._run(name, sweep, stop)
            except Exception as error:  # noqa: BLE001 - one kind of rows must not keep the others
                errors.append(error)
        if errors:
            raise errors[0]
        return removed

    def _run(self, name: str, sweep: Sweep, stop: StopSignal) -> int:
        removed = 0
        while not stop.is_set():
            began = time.monotonic()
            with self._engine.begin() as connection:
                found = sweep(connection, self._batch_rows)
            removed += found
            _REMOVED.labels(name).inc(found)
            _succeeded(name)
            if found < self._batch_rows:
                break
            stop.wait(max(_PAUSE_SECONDS, _PAUSE_BATCHES * (time.monotonic() - began)))
        return removed


def _succeeded(name: str) -> None:
    at = time.monotonic()
    # A function, which shows the time that passes while nothing succeeds.
    _SECONDS.labels(name).set_function(lambda: time.monotonic() - at)


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
