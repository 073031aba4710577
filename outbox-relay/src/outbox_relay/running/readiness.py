"""Which of the relay's dependencies keep it from doing its work."""

from collections.abc import Callable

from outbox_relay.protocol.errors import RelayError
from outbox_relay.running.status import SourceStatus, StatusBoard
from servicekit.http.health import HealthCheck


class NotStarted(RelayError):
    """Nothing is known yet."""


class KafkaWatch:
    """Remembers whether a broker answered when last asked, so that readiness never waits for one."""

    def __init__(self, probe: Callable[[], None]) -> None:
        self._probe = probe
        self._error: RelayError | None = NotStarted()

    def run_once(self) -> None:
        """Ask a broker now."""
        try:
            self._probe()
        except RelayError as error:
            self._error = error
        else:
            self._error = None

    def check(self) -> None:
        """Raises what was wrong when a broker was last asked."""
        if self._error is not None:
            raise self._error


def readiness_checks(board: StatusBoard, kafka: KafkaWatch) -> dict[str, HealthCheck]:
    """For each source its database and its publishing, and Kafka; a standby is as ready as a leader."""
    checks: dict[str, HealthCheck] = {"kafka": kafka.check}
    for status in board.all():
        checks[f"{status.name}.database"] = _check(board, status.name, _database_error)
        checks[f"{status.name}.publishing"] = _check(board, status.name, _work_error)
    return checks


def _database_error(status: SourceStatus) -> RelayError | None:
    return status.database_error if status.known else NotStarted()


def _work_error(status: SourceStatus) -> RelayError | None:
    return status.work_error


def _check(
    board: StatusBoard, name: str, error_of: Callable[[SourceStatus], RelayError | None]
) -> HealthCheck:
    def check() -> None:
        error = error_of(board.get(name))
        if error is not None:
            raise error

    return check
