"""Partitions of an outbox: made before they are needed, dropped after their retention."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from outbox_relay.postgresql.database import unavailable

# A lock that isn't to be had, and events that have overtaken the partition which was being made for them.
_NEXT_TIME = {"55P03", "23514"}
_DROPPED_AT_ONCE = 100

_ADD_PARTITIONS = text("SELECT outbox_add_partitions(:positions, :ahead, :max_age)")
_DROP_PARTITION = text("SELECT outbox_drop_partition(:retention)")


@dataclass(frozen=True, slots=True)
class PartitionChanges:
    """The names of the partitions that were made and dropped."""

    made: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


class Retention:
    """Keeps the partitions of one outbox; any relay may do it, and one at a time does.

    A change of the table waits for a lock for at most 100 ms, so that no writer waits longer behind it. What
    gets no lock in that time is tried again with the next run.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        partition_positions: int,
        partitions_ahead: int,
        partition_max_age: timedelta,
        retention: timedelta,
    ) -> None:
        self._engine = engine
        self._add = {
            "positions": partition_positions,
            "ahead": partitions_ahead,
            "max_age": partition_max_age,
        }
        self._drop = {"retention": retention}

    def run_once(self) -> PartitionChanges:
        """Raises :class:`SourceUnavailable`."""
        return PartitionChanges(tuple(self._make()), tuple(self._drop_passed()))

    def _make(self) -> list[str]:
        made: list[str] = []
        with _without_waiting(), self._engine.connect() as connection:
            made.extend(connection.execute(_ADD_PARTITIONS, self._add).scalars())
            if made:
                # They may be of a new zone, and another transaction moves the sequence on to it.
                made.extend(connection.execute(_ADD_PARTITIONS, self._add).scalars())
        return made

    def _drop_passed(self) -> list[str]:
        dropped: list[str] = []
        with _without_waiting(), self._engine.connect() as connection:
            for _ in range(_DROPPED_AT_ONCE):
                name = connection.execute(_DROP_PARTITION, self._drop).scalar_one()
                if name is None:
                    break
                dropped.append(name)
        return dropped


@contextmanager
def _without_waiting() -> Iterator[None]:
    """Leave partitions that writers have locked to the next run; raise other errors as the relay's own."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) not in _NEXT_TIME:
            raise unavailable(error) from error
