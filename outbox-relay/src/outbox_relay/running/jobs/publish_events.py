"""Publish what waits in the outbox."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from outbox_relay.protocol.errors import (
    BatchRefused,
    EventsRejected,
    LostLeadership,
    RelayError,
    SourceUnavailable,
    UnexpectedFailure,
)
from outbox_relay.protocol.relay import Failed, Published, Relay, Standby, StepResult
from outbox_relay.running import metrics
from outbox_relay.running.error_changes import log_error_change
from outbox_relay.running.poll_interval import PollInterval
from outbox_relay.running.status import StatusBoard
from servicekit.backoff import Backoff

_BACKOFF = Backoff(first_seconds=0.1, longest_seconds=10.0)
_REPLAY_SECONDS = 2.0
_STANDBY_SECONDS = 0.1

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn of the relay did, and how long to wait before the next one."""

    result: StepResult
    pause_seconds: float


class PublishEvents:
    """Takes a turn of one source's relay, and every two seconds sends what is to be replayed."""

    def __init__(
        self,
        source: str,
        relay: Relay,
        board: StatusBoard,
        poll_interval: PollInterval,
        abandon: Callable[[], None],
    ) -> None:
        """``abandon`` gives up every page that is on its way."""
        self._source = source
        self._relay = relay
        self._board = board
        self._poll_interval = poll_interval
        self._abandon = abandon
        self._failures = 0
        self._replay_at = 0.0
        self._turn_begun_at: float | None = None

    def seconds_in_turn(self) -> float:
        """For how long the present turn has gone on; 0 between two turns. Any thread."""
        begun_at = self._turn_begun_at
        return 0.0 if begun_at is None else time.monotonic() - begun_at

    def run_once(self) -> Turn:
        self._turn_begun_at = time.monotonic()
        try:
            result = self._take_turn()
            return Turn(result, self._pause_after(result))
        except Exception as error:  # noqa: BLE001 - readiness must report it, whatever it is
            _log.exception("turn_failed_unexpectedly", source=self._source)
            self._abandon()
            failed = Failed(UnexpectedFailure(f"{type(error).__name__}: {error}"))
            return Turn(failed, self._pause_after(failed))
        finally:
            self._turn_begun_at = None

    def _take_turn(self) -> StepResult:
        now = time.monotonic()
        result = self._relay.run_once()
        if now >= self._replay_at and not isinstance(result, Failed):
            replayed = self._relay.replay_once()
            if not _has_more(replayed):
                self._replay_at = now + _REPLAY_SECONDS
            if isinstance(replayed, Failed):
                result = replayed
        return result

    def _pause_after(self, result: StepResult) -> float:
        if isinstance(result, Failed):
            return self._pause_after_failure(result.error)
        self._failures = 0
        if isinstance(result, Standby):
            return _STANDBY_SECONDS
        log_error_change(self._source, "publishing", self._board.get(self._source).publishing_error, None)
        self._board.turn_ended(self._source, None)
        if isinstance(result, Published):
            _log.info("events_published", source=self._source, events=result.events)
            return self._poll_interval.after_events(more=result.more)
        return self._poll_interval.after_nothing()

    def _pause_after_failure(self, error: RelayError) -> float:
        metrics.FAILURES.labels(self._source, error.kind).inc()
        if isinstance(error, EventsRejected):
            return 0.0
        if isinstance(error, LostLeadership):
            _log.warning("leadership_lost", source=self._source)
            return _STANDBY_SECONDS
        pause = 0.0
        if not isinstance(error, BatchRefused):
            self._failures += 1
            pause = _BACKOFF.seconds(self._failures)
        if isinstance(error, SourceUnavailable):
            log_error_change(
                self._source, "publishing", self._board.get(self._source).publishing_error, error
            )
        else:
            _log.warning(
                "publish_failed", source=self._source, kind=error.kind, reason=str(error),
                retry_in_seconds=round(pause, 3),
            )  # fmt: skip
        self._board.turn_ended(self._source, error)
        return pause


def _has_more(replayed: StepResult) -> bool:
    """Whether to go on at once: other events wait behind one that has been refused and parked."""
    if isinstance(replayed, Failed):
        return isinstance(replayed.error, EventsRejected | BatchRefused)
    return isinstance(replayed, Published) and replayed.more
