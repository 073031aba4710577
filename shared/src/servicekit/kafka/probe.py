"""Does a broker accept us, and does it know a topic? Asked apart from consuming and publishing."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import structlog
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, NoError, UnknownTopicOrPartitionError

from servicekit.kafka.cluster import KafkaCluster

_TIMEOUT_MS = 2_000
_Answer = TypeVar("_Answer")
_log = structlog.get_logger(__name__)


class KafkaUnavailable(Exception):
    """No broker answers, or none accepts us."""


class _Admin(KafkaAdminClient):  # type: ignore[misc]  # kafka-python has no type information
    """kafka-python's client leaves its thread running when the first connection fails; this one doesn't."""

    def __init__(self, **configs: object) -> None:
        try:
            super().__init__(**configs)
        except BaseException:
            self._closed = False
            self.close()
            raise

    def describe(self, topics: Sequence[str]) -> dict[str, Any]:
        """The cluster's id and these topics; describe_cluster() fails on brokers older than 3.7."""
        # kafka/__init__.py pins the release
        return dict(self._manager.run(self._get_cluster_metadata, list(topics)))


class KafkaProbe:
    """Asks a broker for metadata, over a connection that is kept. Any thread may ask.

    Logs when the answer changes, so that an outage is a line and not one for every question; not at all for a
    command, which says it itself.
    """

    def __init__(
        self,
        cluster: KafkaCluster,
        client_id: str,
        clock: Callable[[], float] = time.monotonic,
        *,
        is_logged: bool = True,
    ) -> None:
        self._cluster = cluster
        self._client_id = f"{client_id}-probe"
        self._lock = threading.Lock()
        self._admin: _Admin | None = None
        self._reason: str | None = None
        self._clock = clock
        self._is_logged = is_logged
        self._answered_since: float | None = None

    def check(self) -> None:
        """Raises :class:`KafkaUnavailable` with the reason when no broker accepts us within a few seconds."""
        self._describe([])

    def is_missing(self, topic: str) -> bool:
        """True when a broker answers and says that there is no such topic."""
        topics = self._describe([topic])
        return any(entry["error_code"] == UnknownTopicOrPartitionError.errno for entry in topics)

    def identify(self, topics: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        """The cluster's id, and each topic's own where the cluster gives them ids, of those that are there.

        A topic that was deleted and made again has another id. Raises :class:`KafkaUnavailable`.
        """
        described = self._ask(lambda admin: admin.describe(topics))
        return {
            entry["name"]: (str(described["cluster_id"]), _topic_id(entry))
            for entry in described["topics"]
            if entry["error_code"] == NoError.errno
        }

    def answering_seconds(self) -> float:
        """For how long every question of this process has been answered; 0 if the latest was not."""
        since = self._answered_since
        return 0.0 if since is None else self._clock() - since

    def close(self) -> None:
        with self._lock:
            self._disconnect()

    def _describe(self, topics: list[str]) -> list[dict[str, int]]:
        return self._ask(lambda admin: list(admin.describe_topics(topics)))

    def _ask(self, question: Callable[["_Admin"], _Answer]) -> _Answer:
        with self._lock:
            try:
                answer = question(self._connect())
            except (KafkaError, OSError) as error:
                self._disconnect()
                reason = f"{self._cluster}: {self._cluster.reason(error)}"
                self._tell(reason)
                raise KafkaUnavailable(reason) from error
            self._tell(None)
            return answer

    def _tell(self, reason: str | None) -> None:
        if reason is not None:
            self._answered_since = None
        elif self._answered_since is None:
            self._answered_since = self._clock()
        if reason == self._reason:
            return
        self._reason = reason
        if not self._is_logged:
            return
        if reason is None:
            _log.info("kafka_available")
        else:
            _log.warning("kafka_unavailable", reason=reason)

    def _connect(self) -> _Admin:
        if self._admin is None:
            # Fails at once and with the cause, where the client would report a time-out.
            self._cluster.enter()
            self._admin = _Admin(
                **self._cluster.client_options,
                client_id=self._client_id,
                bootstrap_timeout_ms=_TIMEOUT_MS,
                request_timeout_ms=_TIMEOUT_MS,
                reconnect_backoff_max_ms=500,
            )
        return self._admin

    def _disconnect(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            admin.close()


def _topic_id(entry: dict[str, Any]) -> str | None:
    topic_id = entry.get("topic_id")
    # A broker that gives topics no ids sends zeros.
    return str(topic_id) if topic_id and UUID(str(topic_id)).int else None
