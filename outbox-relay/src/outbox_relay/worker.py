"""A source's periodic work, each part of it a ``…_once`` that says when it wants to run again."""

import structlog

from outbox_relay import metrics
from outbox_relay.backoff import Backoff
from outbox_relay.errors import LostLeadership, RelayError, SourceUnavailable
from outbox_relay.leadership import Leadership
from outbox_relay.publisher import KafkaPublisher
from outbox_relay.relay import Failed, Published, Relay
from outbox_relay.source import PostgresSource
from outbox_relay.status import StatusBoard

_log = structlog.get_logger(__name__)


class SourceWorker:
    """Relays one source and keeps its status."""

    def __init__(
        self,
        name: str,
        *,
        relay: Relay,
        leadership: Leadership,
        source: PostgresSource,
        publisher: KafkaPublisher,
        board: StatusBoard,
        poll_interval_seconds: float,
    ) -> None:
        self.name = name
        self._relay = relay
        self._leadership = leadership
        self._source = source
        self._publisher = publisher
        self._board = board
        self._poll_interval_seconds = poll_interval_seconds
        self._backoff = Backoff()

    def relay_once(self) -> float:
        """Do one step; returns after how many seconds the next one should follow."""
        result = self._relay.run_once()
        if isinstance(result, Failed):
            return self._on_failure(result.error)
        self._backoff.reset()
        if isinstance(result, Published):
            self._board.published(self.name)
            return 0.0
        return self._poll_interval_seconds

    def beat_once(self) -> None:
        """Confirm the leadership or compete for it."""
        try:
            self._leadership.beat()
        except RelayError as error:
            if self._board.get(self.name).database_error is None:
                _log.warning("source_unavailable", source=self.name, reason=str(error))
            self._board.database_failed(self.name, error)
            metrics.LEADER.labels(self.name).set(0)
            return
        is_leader = self._leadership.lease() is not None
        if self._board.get(self.name).database_error is not None:
            _log.info("source_available", source=self.name)
        self._board.leadership(self.name, is_leader=is_leader)
        metrics.LEADER.labels(self.name).set(is_leader)

    def measure_once(self) -> None:
        """Look how much waits."""
        try:
            lag = self._source.lag()
        except RelayError:
            return  # the beat reports it
        self._board.lag(self.name, lag)
        metrics.LAG_EVENTS.labels(self.name).set(lag.events)
        metrics.LAG_SECONDS.labels(self.name).set(lag.seconds)

    def abandon(self) -> None:
        """Give up the page that is being published, from another thread."""
        self._publisher.abandon()

    def close(self) -> None:
        """Hand over to another relay, once nothing of this one runs any more."""
        self._leadership.resign()
        self._publisher.abandon()
        self._source.close()

    def _on_failure(self, error: RelayError) -> float:
        metrics.FAILURES.labels(self.name, error.kind).inc()
        if isinstance(error, LostLeadership):
            _log.warning("leadership_lost", source=self.name)
            return self._poll_interval_seconds
        delay = self._backoff.next_delay_seconds()
        if not isinstance(error, SourceUnavailable):
            self._board.published(self.name, error)
            _log.warning(
                "publish_failed", source=self.name, kind=error.kind, reason=str(error),
                event_id=getattr(error, "event_id", None), retry_in_seconds=round(delay, 3),
            )  # fmt: skip
        return delay
