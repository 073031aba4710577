"""A source's periodic work, each part of it a ``…_once`` that says when it wants to run again."""

import threading
import time
from collections.abc import Callable

import structlog

from outbox_relay.postgresql.lag import SourceLag
from outbox_relay.postgresql.leadership import Leadership
from outbox_relay.postgresql.retention import Retention
from outbox_relay.postgresql.watchdog import Watchdog
from outbox_relay.protocol.backoff import Backoff
from outbox_relay.protocol.errors import (
    BatchRefused,
    EventsRejected,
    LostLeadership,
    RelayError,
    SourceUnavailable,
    UnexpectedFailure,
)
from outbox_relay.protocol.pace import Pace
from outbox_relay.protocol.relay import Failed, Published, Relay, Standby, StepResult
from outbox_relay.running import metrics
from outbox_relay.running.status import StatusBoard

_SHIFT_SECONDS = 10.0
"""How long a source's thread works before it reports back to the schedule."""
_REPLAY_SECONDS = 2.0
_STANDBY_SECONDS = 0.1

_log = structlog.get_logger(__name__)


class SourceWorker:
    """Relays one source and keeps its status."""

    def __init__(
        self,
        name: str,
        *,
        relay: Relay,
        leadership: Leadership,
        retention: Retention,
        measure: Callable[[], SourceLag],
        board: StatusBoard,
        pace: Pace,
        abandon: Callable[[], None],
        stop_publishing: Callable[[], None],
        watchdog: Watchdog,
        work_watchdog: Watchdog,
        close: Callable[[], None],
    ) -> None:
        self.name = name
        self._relay = relay
        self._leadership = leadership
        self._retention = retention
        self._measure = measure
        self._board = board
        self._pace = pace
        self._abandon = abandon
        self._stop_publishing = stop_publishing
        self._watchdog = watchdog
        self._work_watchdog = work_watchdog
        self._close = close
        self._backoff = Backoff()
        self._stopping = threading.Event()
        self._replay_at = 0.0
        self._shown_shards: set[int] = set()

    def relay_once(self) -> float:
        """Work for ten seconds, pausing as long as traffic allows; returns after how many seconds to go on.

        The pauses are too short for a scheduler's clockwork.
        """
        until = time.monotonic() + _SHIFT_SECONDS
        while not self._stopping.is_set():
            delay = self._safe_turn()
            if time.monotonic() + delay >= until:
                return delay
            if delay > 0:
                self._stopping.wait(delay)
        return 0.0

    def beat_once(self) -> None:
        """Confirm the leadership and compete for it."""
        try:
            self._leadership.beat()
        except RelayError as error:
            if self._board.get(self.name).database_error is None:
                _log.warning("source_unavailable", source=self.name, reason=str(error))
            self._board.database_failed(self.name, error)
            self._show_leadership()
            # What it was working on is another leader's now, and may never be answered.
            self._work_watchdog.end_all()
            return
        if self._board.get(self.name).database_error is not None:
            _log.info("source_available", source=self.name)
        self._board.leadership(self.name, self._leadership.leases())
        self._show_leadership()

    def measure_once(self) -> None:
        """Look how much waits; it is unknown when that can't be told, and not what it was."""
        known = self._board.get(self.name).lag_error
        try:
            lag = self._measure()
        except RelayError as error:
            self._tell_change("measuring", known, error)
            self._board.lag_unknown(self.name, error)
            metrics.show_lag(self.name, None)
            return
        self._tell_change("measuring", known, None)
        self._board.lag(self.name, lag)
        metrics.show_lag(self.name, lag)

    def watch_once(self) -> None:
        """End sessions in which a statement stays without an answer."""
        self._watchdog.run_once()
        self._work_watchdog.run_once()

    def maintain_once(self) -> None:
        """Make and drop partitions. What can't be done now is done the next time."""
        try:
            self._retention.run_once()
        except RelayError as error:
            _log.warning("maintenance_failed", source=self.name, reason=str(error))

    def stop(self) -> None:
        """Begin no further turn."""
        self._stopping.set()

    def abandon(self) -> None:
        """Give up the pages that are being published and publish no others, from another thread."""
        self._stop_publishing()

    def close(self) -> None:
        """Hand over to other relays, once nothing of this one runs any more."""
        self._leadership.resign()
        self._stop_publishing()
        self._close()

    def _safe_turn(self) -> float:
        try:
            return self._turn()
        except Exception as error:  # noqa: BLE001 - readiness must tell it, whatever it is
            # An error of ours, or data that nobody thought of: told like any other, and tried again.
            _log.exception("turn_failed_unexpectedly", source=self.name)
            self._abandon()
            return self._on_failure(UnexpectedFailure(f"{type(error).__name__}: {error}"))

    def _turn(self) -> float:
        now = time.monotonic()
        result = self._relay.run_once()
        if now >= self._replay_at and not isinstance(result, Failed):
            replayed = self._relay.replay_once()
            if not _has_more(replayed):
                self._replay_at = now + _REPLAY_SECONDS
            if isinstance(replayed, Failed):
                result = replayed
        return self._delay_after(result)

    def _delay_after(self, result: StepResult) -> float:
        if isinstance(result, Failed):
            return self._on_failure(result.error)
        self._backoff.reset()
        if isinstance(result, Standby):
            return _STANDBY_SECONDS
        self._tell_change("publishing", self._board.get(self.name).step_error, None)
        self._board.stepped(self.name)
        if isinstance(result, Published):
            _log.info("events_published", source=self.name, events=result.events)
            return self._pace.after_events(more=result.more)
        return self._pace.after_nothing()

    def _on_failure(self, error: RelayError) -> float:
        metrics.FAILURES.labels(self.name, error.kind).inc()
        if isinstance(error, EventsRejected):
            return 0.0
        if isinstance(error, LostLeadership):
            _log.warning("leadership_lost", source=self.name)
            return _STANDBY_SECONDS
        delay = 0.0 if isinstance(error, BatchRefused) else self._backoff.next_delay_seconds()
        if isinstance(error, SourceUnavailable):
            self._tell_change("publishing", self._board.get(self.name).step_error, error)
        else:
            _log.warning(
                "publish_failed", source=self.name, kind=error.kind, reason=str(error),
                retry_in_seconds=round(delay, 3),
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

    def _show_leadership(self) -> None:
        status = self._board.get(self.name)
        known = {shard.shard for shard in status.lag.shards} if status.lag else self._shown_shards
        shown = known | status.led_shards
        for shard in self._shown_shards - shown:
            metrics.LEADER.remove(self.name, str(shard))
        for shard in shown:
            metrics.LEADER.labels(self.name, shard).set(shard in status.led_shards)
        self._shown_shards = shown


def _has_more(replayed: StepResult) -> bool:
    """Whether to go on at once: others wait behind an event that has been refused and parked."""
    if isinstance(replayed, Failed):
        return isinstance(replayed.error, EventsRejected | BatchRefused)
    return isinstance(replayed, Published) and replayed.more
