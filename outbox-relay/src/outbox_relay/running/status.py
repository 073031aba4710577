"""What is known about the sources and Kafka at this moment: written by the jobs, read by HTTP."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from outbox_relay.postgresql.lag import SourceLag
from outbox_relay.protocol.errors import KafkaChanged, RelayError


class NotCheckedYet(RelayError):
    """The process has just started, and this has not been checked yet."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """``None`` for an error means that the latest attempt succeeded."""

    name: str
    led_shards: frozenset[int] = frozenset()
    lag: SourceLag | None = None
    database_error: RelayError | None = None
    """Why leadership can't be confirmed nor competed for."""
    publishing_error: RelayError | None = None
    """Why the next page can't be read, published or saved."""
    kafka_change: KafkaChanged | None = None
    """Why nothing is published until an operator has decided."""
    lag_error: RelayError | None = None
    """Why the lag is unknown."""
    is_known: bool = False
    """Whether the database has been asked for the leadership at all."""

    @property
    def work_error(self) -> RelayError | None:
        """What keeps events from being published while the database answers."""
        return self.kafka_change or self.publishing_error or self.lag_error

    @property
    def last_error(self) -> RelayError | None:
        return self.database_error or self.work_error

    def with_leadership(self, led_shards: frozenset[int]) -> Self:
        # A standby publishes nothing, so an earlier failure to publish concerns the present leader.
        error = self.publishing_error if led_shards else None
        return replace(
            self, is_known=True, led_shards=led_shards, database_error=None, publishing_error=error
        )


class StatusBoard:
    """The status of every source and of Kafka; written and read from any thread."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._statuses = {name: SourceStatus(name) for name in sources}
        self._kafka_error: RelayError | None = NotCheckedYet()

    @property
    def kafka_error(self) -> RelayError | None:
        """Why no broker answers, as of the latest check."""
        return self._kafka_error

    def get(self, name: str) -> SourceStatus:
        with self._lock:
            return self._statuses[name]

    def all(self) -> list[SourceStatus]:
        """Sorted by name: the order of environment variables is arbitrary in a container."""
        with self._lock:
            return sorted(self._statuses.values(), key=lambda status: status.name)

    def leadership_confirmed(self, name: str, led_shards: frozenset[int]) -> None:
        with self._lock:
            self._statuses[name] = self._statuses[name].with_leadership(led_shards)

    def leadership_failed(self, name: str, error: RelayError) -> None:
        self._update(name, is_known=True, led_shards=frozenset(), database_error=error)

    def lag_measured(self, name: str, lag: SourceLag) -> None:
        self._update(name, lag=lag, lag_error=None)

    def lag_unknown(self, name: str, error: RelayError) -> None:
        self._update(name, lag=None, lag_error=error)

    def kafka_watched(self, name: str, change: KafkaChanged | None) -> None:
        self._update(name, kafka_change=change)

    def turn_ended(self, name: str, error: RelayError | None) -> None:
        """The outcome of the latest turn of a leader."""
        self._update(name, publishing_error=error)

    def kafka_checked(self, error: RelayError | None) -> None:
        self._kafka_error = error

    def _update(self, name: str, **changes: object) -> None:
        with self._lock:
            self._statuses[name] = replace(self._statuses[name], **changes)  # type: ignore[arg-type]  # the callers above name the fields
