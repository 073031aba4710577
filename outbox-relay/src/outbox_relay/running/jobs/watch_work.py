"""Say that the database leaves publishing without an answer, before the time for its statement is over."""

from collections.abc import Callable

from outbox_relay.protocol.errors import SourceUnavailable
from outbox_relay.running.error_changes import log_error_change
from outbox_relay.running.status import StatusBoard

SILENCE_SECONDS = 5.0
"""Longer than reading a page takes."""


class WatchWork:
    """Watches the session that publishes one source, which may wait for half a minute."""

    def __init__(self, source: str, silent_seconds: Callable[[], float], board: StatusBoard) -> None:
        """``silent_seconds`` says for how long a turn has waited for an answer; 0 when none does."""
        self._source = source
        self._silent_seconds = silent_seconds
        self._board = board

    def run_once(self) -> bool:
        """Returns whether it has been silent for too long. The turn's own outcome takes that back."""
        status = self._board.get(self._source)
        if self._silent_seconds() < SILENCE_SECONDS or not status.led_shards:
            return False
        if status.publishing_error is None:
            error = SourceUnavailable(
                "the database answers this relay's leadership but not its publishing, so nothing goes out:"
                " has a pooler too few sessions for this relay, or does a transaction hold a lock?"
            )
            log_error_change(self._source, "publishing", None, error)
            self._board.turn_ended(self._source, error)
        return True
