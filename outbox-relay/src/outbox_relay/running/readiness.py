"""Which dependencies keep the relay from doing its work."""

from collections.abc import Callable

from outbox_relay.protocol.errors import RelayError
from outbox_relay.running.status import NotCheckedYet, SourceStatus, StatusBoard
from servicekit.http.health import HealthCheck


def readiness_checks(board: StatusBoard) -> dict[str, HealthCheck]:
    """For Kafka, and for each source its database and its publishing; a standby is as ready as a leader."""
    checks = {"kafka": _check(lambda: board.kafka_error)}
    for status in board.all():
        checks |= _source_checks(board, status.name)
    return checks


def _source_checks(board: StatusBoard, name: str) -> dict[str, HealthCheck]:
    return {
        f"{name}.database": _check(lambda: _database_error(board.get(name))),
        f"{name}.publishing": _check(lambda: board.get(name).work_error),
    }


def _database_error(status: SourceStatus) -> RelayError | None:
    return status.database_error if status.is_known else NotCheckedYet()


def _check(present_error: Callable[[], RelayError | None]) -> HealthCheck:
    def check() -> None:
        error = present_error()
        if error is not None:
            raise error

    return check
