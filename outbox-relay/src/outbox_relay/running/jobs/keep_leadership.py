"""Confirm which shards this process leads, and compete for more."""

from collections.abc import Callable

import structlog

from outbox_relay.postgresql.leadership import Leadership
from outbox_relay.protocol.errors import RelayError
from outbox_relay.running import metrics
from outbox_relay.running.status import StatusBoard

_log = structlog.get_logger(__name__)


class KeepLeadership:
    """The heartbeat of one source."""

    def __init__(
        self, source: str, leadership: Leadership, board: StatusBoard, on_loss: Callable[[], None]
    ) -> None:
        """``on_loss`` is called whenever the leadership can't be confirmed."""
        self._source = source
        self._leadership = leadership
        self._board = board
        self._on_loss = on_loss
        self._shown_shards: set[int] = set()

    def run_once(self) -> frozenset[int]:
        """Returns the shards that this process leads; none when the database can't be used."""
        had_failed = self._board.get(self._source).database_error is not None
        try:
            self._leadership.beat()
        except RelayError as error:
            if not had_failed:
                _log.warning("source_unavailable", source=self._source, reason=str(error))
            self._board.leadership_failed(self._source, error)
            self._show()
            # Another process leads these shards now, and a statement under way may never be answered.
            self._on_loss()
            return frozenset()
        if had_failed:
            _log.info("source_available", source=self._source)
        led_shards = frozenset(self._leadership.leases())
        self._board.leadership_confirmed(self._source, led_shards)
        self._show()
        return led_shards

    def _show(self) -> None:
        status = self._board.get(self._source)
        known = {shard.shard for shard in status.lag.shards} if status.lag else self._shown_shards
        shown = known | status.led_shards
        for shard in self._shown_shards - shown:
            metrics.LEADER.remove(self._source, str(shard))
        for shard in shown:
            metrics.LEADER.labels(self._source, shard).set(shard in status.led_shards)
        self._shown_shards = shown
