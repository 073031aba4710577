"""Look whether Kafka still has the topics that were published to, also while nothing is."""

from collections.abc import Callable, Mapping, Sequence

import structlog

from outbox_relay.postgresql.known_topics import changed
from outbox_relay.protocol.errors import KafkaChanged, RelayError
from outbox_relay.protocol.model import TopicIdentity
from outbox_relay.running import metrics
from outbox_relay.running.status import StatusBoard
from servicekit.kafka.probe import KafkaUnavailable

_log = structlog.get_logger(__name__)


class WatchTopics:
    """Watches the topics of one source. A topic that is missing has not been made anew yet."""

    def __init__(
        self,
        source: str,
        stored: Callable[[], Mapping[str, TopicIdentity]],
        identify: Callable[[Sequence[str]], Mapping[str, tuple[str, str | None]]],
        suspect: Callable[[KafkaChanged | None], None],
        board: StatusBoard,
    ) -> None:
        """``suspect`` holds publishing back while it was called with a change."""
        self._source = source
        self._stored = stored
        self._identify = identify
        self._suspect = suspect
        self._board = board
        metrics.show_kafka_changed(source, is_changed=False)

    def run_once(self) -> KafkaChanged | None:
        """Returns what has changed, as far as database and Kafka answer."""
        former = self._board.get(self._source).kafka_change
        try:
            stored = self._stored()
            found = self._identify(list(stored)) if stored else {}
        except (RelayError, KafkaUnavailable):
            # Other jobs report it.
            return former
        change = changed(self._source, stored, {topic: TopicIdentity(*ids) for topic, ids in found.items()})
        self._suspect(change)
        self._board.kafka_watched(self._source, change)
        metrics.show_kafka_changed(self._source, is_changed=change is not None)
        if change is not None and former is None:
            _log.error("kafka_changed", source=self._source, reason=str(change))
        elif change is None and former is not None:
            _log.info("kafka_change_accepted", source=self._source)
        return change
