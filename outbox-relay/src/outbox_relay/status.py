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

    def with_leadership(self, *, is_leader: bool) -> Self:
        # Whoever doesn't lead publishes nothing, so what it failed to publish is no longer its trouble.
        error = self.step_error if is_leader else None
        return replace(self, known=True, is_leader=is_leader, database_error=None, step_error=error)


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
            self._statuses[name] = replace(self._statuses[name], lag=lag, lag_error=None)

    def lag_unknown(self, name: str, error: RelayError) -> None:
        with self._lock:
            self._statuses[name] = replace(self._statuses[name], lag=None, lag_error=error)

    def database_failed(self, name: str, error: RelayError) -> None:
        with self._lock:
            self._statuses[name] = replace(
                self._statuses[name], known=True, is_leader=False, database_error=error
            )

    def stepped(self, name: str, error: RelayError | None = None) -> None:
        """The outcome of the latest step of a leader."""
        with self._lock:
            self._statuses[name] = replace(self._statuses[name], step_error=error)
