"""Measure how many events wait, and for how long."""

from collections.abc import Callable

from outbox_relay.postgresql.lag import SourceLag
from outbox_relay.protocol.errors import RelayError
from outbox_relay.running import metrics
from outbox_relay.running.error_changes import log_error_change
from outbox_relay.running.status import StatusBoard


class MeasureLag:
    """Keeps the lag of one source up to date, on the status board and in the metrics."""

    def __init__(self, source: str, measure: Callable[[], SourceLag], board: StatusBoard) -> None:
        self._source = source
        self._measure = measure
        self._board = board
        metrics.expect_lag(source)

    def run_once(self) -> SourceLag | None:
        """Returns None when the lag can't be measured: an old value would look like a current one."""
        former = self._board.get(self._source).lag_error
        try:
            lag = self._measure()
        except RelayError as error:
            log_error_change(self._source, "measuring", former, error)
            self._board.lag_unknown(self._source, error)
            metrics.show_lag(self._source, None)
            return None
        log_error_change(self._source, "measuring", former, None)
        self._board.lag_measured(self._source, lag)
        metrics.show_lag(self._source, lag)
        return lag
