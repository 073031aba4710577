"""Is there a Kafka broker that lets us in, and does it know a topic? Asked apart from publishing."""

from collections.abc import Iterator
from contextlib import contextmanager

from outbox_relay.protocol.errors import BrokerUnavailable
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.probe import KafkaProbe, KafkaUnavailable


class BrokerProbe:
    """Asks a broker for metadata, over a connection that is kept. Any thread may ask."""

    def __init__(self, cluster: KafkaCluster, client_id: str) -> None:
        self._probe = KafkaProbe(cluster, client_id)

    def check(self) -> None:
        """Raises :class:`BrokerUnavailable` when no broker lets us in within a few seconds."""
        with _as_ours():
            self._probe.check()

    def is_missing(self, topic: str) -> bool:
        """True when a broker answers and says that there is no such topic."""
        with _as_ours():
            return self._probe.is_missing(topic)

    def answering_seconds(self) -> float:
        """For how long every question has been answered, whoever asked."""
        return self._probe.answering_seconds()

    def close(self) -> None:
        self._probe.close()


@contextmanager
def _as_ours() -> Iterator[None]:
    try:
        yield
    except KafkaUnavailable as error:
        raise BrokerUnavailable(str(error)) from error
