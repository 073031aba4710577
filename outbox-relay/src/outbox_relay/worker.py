"""A source's periodic work, each part of it a ``…_once`` that says when it wants to run again."""

import math

import structlog

from outbox_relay import metrics
from outbox_relay.backoff import Backoff
from outbox_relay.errors import LostLeadership, RelayError, SourceUnavailable
from outbox_relay.leadership import Leadership
from outbox_relay.publisher import KafkaPublisher
from outbox_relay.relay import Failed, Published, Relay, Standby
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
        if not isinstance(result, Standby):
            self._tell_change("publishing", self._board.get(self.name).step_error, None)
            self._board.stepped(self.name)
        return 0.0 if isinstance(result, Published) else self._poll_interval_seconds

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
        """Look how much waits; it is unknown when that can't be told, and not what it was."""
        known = self._board.get(self.name).lag_error
        try:
            lag = self._source.lag()
        except RelayError as error:
            self._tell_change("measuring", known, error)
            self._board.lag_unknown(self.name, error)
            self._set_lag(math.nan, math.nan)
            return
        self._tell_change("measuring", known, None)
        self._board.lag(self.name, lag)
        self._set_lag(lag.events, lag.seconds)

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
        if isinstance(error, SourceUnavailable):
            self._tell_change("publishing", self._board.get(self.name).step_error, error)
        else:
            _log.warning(
                "publish_failed", source=self.name, kind=error.kind, reason=str(error),
                event_id=getattr(error, "event_id", None), retry_in_seconds=round(delay, 3),
            )  # fmt: skip
        self._board.stepped(self.name, error)
        return delay

    def _tell_change(self, work: str, known: RelayError | None, error: RelayError | None) -> None:
        """Log what keeps the database from serving ``work``, unless that is known, and when nothing does."""
        if error is None:
            if known is not None:
                _log.info("work_resumed", source=self.name, work=work)
        elif known is None or str(known) != str(error):
            _log.warning("work_failed", source=self.name, work=work, reason=str(error))

    def _set_lag(self, events: float, seconds: float) -> None:
        metrics.LAG_EVENTS.labels(self.name).set(events)
        metrics.LAG_SECONDS.labels(self.name).set(seconds)
