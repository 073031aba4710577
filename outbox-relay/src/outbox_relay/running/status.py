"""What is known about a source at this moment, told by its jobs and read by HTTP."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from outbox_relay.postgresql.lag import SourceLag
from outbox_relay.protocol.errors import RelayError


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """``None`` for an error means that the latest attempt succeeded."""

    name: str
    known: bool = False
    led_shards: frozenset[int] = frozenset()
    lag: SourceLag | None = None
    database_error: RelayError | None = None
    """Why leadership can't be confirmed nor competed for."""
    step_error: RelayError | None = None
    """Why the next page can't be read, published or saved."""
    lag_error: RelayError | None = None
    """Why it is unknown what waits."""

    @property
    def work_error(self) -> RelayError | None:
        """What keeps events from being published while the database answers."""
        return self.step_error or self.lag_error

    @property
    def last_error(self) -> RelayError | None:
        return self.database_error or self.work_error

    def with_leadership(self, led_shards: frozenset[int]) -> Self:
        # Whoever doesn't lead publishes nothing, so what it failed to publish is no longer its trouble.
        error = self.step_error if led_shards else None
        return replace(self, known=True, led_shards=led_shards, database_error=None, step_error=error)


class StatusBoard:
    """The status of every source; written and read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: dict[str, SourceStatus] = {}

    def add(self, name: str) -> None:
        with self._lock:
            self._statuses[name] = SourceStatus(name)

    def get(self, name: str) -> SourceStatus:
        with self._lock:
            return self._statuses[name]

    def all(self) -> list[SourceStatus]:
        """By name: the environment's own order is any in a container."""
        with self._lock:
            return sorted(self._statuses.values(), key=lambda status: status.name)

    def leadership(self, name: str, led_shards: Iterable[int]) -> None:
        with self._lock:
            self._statuses[name] = self._statuses[name].with_leadership(frozenset(led_shards))

    def lag(self, name: str, lag: SourceLag) -> None:
        with self._lock:
            self._statuses[name] = replace(self._statuses[name], lag=lag, lag_error=None)

    def lag_unknown(self, name: str, error: RelayError) -> None:
        with self._lock:
            self._statuses[name] = replace(self._statuses[name], lag=None, lag_error=error)

    def database_failed(self, name: str, error: RelayError) -> None:
        with self._lock:
            self._statuses[name] = replace(
                self._statuses[name], known=True, led_shards=frozenset(), database_error=error
            )

    def stepped(self, name: str, error: RelayError | None = None) -> None:
        """The outcome of the latest turn of a leader."""
        with self._lock:
            self._statuses[name] = replace(self._statuses[name], step_error=error)
