"""Partitions of an outbox: made ahead of time, dropped when nobody needs them any more."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from outbox_relay.config import RelaySettings
from outbox_relay.postgresql.database import unavailable
from outbox_relay.postgresql.queries import query

# A lock that isn't to be had, and events that have overtaken the partition which was being made for them.
_NEXT_TIME = {"55P03", "23514"}
_DROPPED_AT_ONCE = 100

_log = structlog.get_logger(__name__)


class Retention:
    """Keeps the partitions of one outbox; any relay may do it, and one at a time does.

    What it does to the table waits 100 ms at most for a lock, so that writers never wait longer for it; what
    is not to be had then is tried again next time.
    """

    def __init__(self, source: str, engine: Engine, settings: RelaySettings) -> None:
        self._source = source
        self._engine = engine
        self._add = {
            "positions": settings.partition_positions,
            "ahead": settings.partitions_ahead,
            "max_age": timedelta(hours=settings.partition_max_age_hours),
        }
        self._drop = {"retention": timedelta(hours=settings.retention_hours)}

    def run_once(self) -> tuple[list[str], list[str]]:
        """The partitions that were made and dropped. Raises :class:`SourceUnavailable`."""
        made = self._make()
        dropped = self._drop_passed()
        if made or dropped:
            _log.info("partitions_changed", source=self._source, made=made, dropped=dropped)
        return made, dropped

    def _make(self) -> list[str]:
        made: list[str] = []
        with _without_waiting(), self._engine.connect() as connection:
            made.extend(connection.execute(query("add_partitions"), self._add).scalars())
            if made:
                # They may be of a new zone, and another transaction moves the sequence on to it.
                made.extend(connection.execute(query("add_partitions"), self._add).scalars())
        return made

    def _drop_passed(self) -> list[str]:
        dropped: list[str] = []
        with _without_waiting(), self._engine.connect() as connection:
            for _ in range(_DROPPED_AT_ONCE):
                name = connection.execute(query("drop_partition"), self._drop).scalar_one()
                if name is None:
                    break
                dropped.append(name)
        return dropped


@contextmanager
def _without_waiting() -> Iterator[None]:
    """Take it that writers are in the way; tell other errors as ours."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) not in _NEXT_TIME:
            raise unavailable(error) from error
