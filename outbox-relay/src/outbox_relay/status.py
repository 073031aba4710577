"""What is known about a source at this moment, told by its jobs and read by HTTP."""

import threading
from dataclasses import dataclass, replace
from typing import Self

from outbox_relay.errors import RelayError
from outbox_relay.source import Lag


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """``None`` for an error means that the latest attempt succeeded."""

    name: str
    shard: int
    known: bool = False
    is_leader: bool = False
    lag: Lag | None = None
    database_error: RelayError | None = None
    publish_error: RelayError | None = None

    @property
    def last_error(self) -> RelayError | None:
        return self.database_error or self.publish_error

    def with_leadership(self, *, is_leader: bool) -> Self:
        # Whoever doesn't lead publishes nothing, so what it failed to publish is no longer its trouble.
        error = self.publish_error if is_leader else None
        return replace(self, known=True, is_leader=is_leader, database_error=None, publish_error=error)


class StatusBoard:
    """The status of every source; written and read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: dict[str, SourceStatus] = {}

    def add(self, name: str, shard: int) -> None:
        with self._lock:
            self._statuses[name] = SourceStatus(name, shard)

    def get(self, name: str) -> SourceStatus:
        with self._lock:
            return self._statuses[name]

    def all(self) -> list[SourceStatus]:
        with self._lock:
            return list(self._statuses.values())

    def leadership(self, name: str, *, is_leader: bool) -> None:
        with self._lock:
            self._statuses[name] = self._statuses[name].with_leadership(is_leader=is_leader)

    def lag(self, name: str, lag: Lag) -> None:
        with self._lock:
            self._statuses[name] = replace(self._statuses[name], lag=lag)

    def database_failed(self, name: str, error: RelayError) -> None:
        with self._lock:
            self._statuses[name] = replace(
                self._statuses[name], known=True, is_leader=False, database_error=error
            )

    def published(self, name: str, error: RelayError | None = None) -> None:
        """The outcome of the latest step that had something to do."""
        with self._lock:
            self._statuses[name] = replace(self._statuses[name], publish_error=error)
