"""Ask whether a Kafka broker answers."""

from collections.abc import Callable

from outbox_relay.protocol.errors import BrokerUnavailable
from outbox_relay.running.status import StatusBoard
from servicekit.kafka.probe import KafkaUnavailable


class CheckKafka:
    """Keeps the answer on the status board, so that readiness never waits for a broker."""

    def __init__(self, check: Callable[[], None], board: StatusBoard) -> None:
        """``check`` raises :class:`KafkaUnavailable` when no broker answers."""
        self._check = check
        self._board = board

    def run_once(self) -> bool:
        """Returns whether a broker answers."""
        try:
            self._check()
        except KafkaUnavailable as error:
            self._board.kafka_checked(BrokerUnavailable(str(error)))
            return False
        self._board.kafka_checked(None)
        return True
