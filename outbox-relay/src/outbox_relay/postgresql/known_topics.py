"""Which Kafka topics an outbox has been published to, and whether they are still the same."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Engine, text

from outbox_relay.postgresql.queries import query
from outbox_relay.postgresql.session import WorkSession, translated_errors
from outbox_relay.protocol.errors import KafkaChanged
from outbox_relay.protocol.model import TopicIdentity

_IS_THERE = text("SELECT to_regclass('outbox_kafka_topic') IS NOT NULL")
_LOAD = text("SELECT topic, cluster_id, topic_id FROM outbox_kafka_topic")


class KnownTopics:
    """Guards one source's publishing; used by the thread that publishes, but for :meth:`suspect`.

    What a session knows of a topic it keeps: an operator accepts another one only together with new cursors.
    With the cursors of more shards, those topics are added that their former leaders have published to. What
    isn't known then gets its first events.
    """

    def __init__(self, source: str, session: WorkSession) -> None:
        self._source = source
        self._session = session
        self._is_there = False
        self._known: dict[str, TopicIdentity] = {}
        self._suspicion: KafkaChanged | None = None

    def begin(self) -> None:
        """To be called with a new session."""
        self._known = {}

    def load(self) -> None:
        """To be called before cursors are loaded: who accepts topics ends their epochs in one transaction.

        Raises :class:`SourceUnavailable`. A former version of the outbox remembers nothing.
        """
        self._is_there = bool(self._session.run(_IS_THERE).scalar_one())
        if self._is_there:
            self._known = _identities(self._session.run(_LOAD).all()) | self._known

    def verify(self, topic: str, found: TopicIdentity) -> None:
        """To be called before anything is sent to ``topic``; remembers it if it is a new one.

        Raises :class:`KafkaChanged` if it isn't the topic that was published to before.
        """
        if self._suspicion is not None:
            raise self._suspicion
        if topic not in self._known:
            self._known[topic] = self._remember(topic, found) if self._is_there else found
        if change := changed(self._source, {topic: self._known[topic]}, {topic: found}):
            raise change

    def suspect(self, change: KafkaChanged | None) -> None:
        """Publish nothing while there is a change that the producer may not have seen yet. Any thread."""
        self._suspicion = change

    def _remember(self, topic: str, found: TopicIdentity) -> TopicIdentity:
        row = self._session.run(
            query("remember_topic"), topic=topic, cluster_id=found.cluster_id, topic_id=found.topic_id
        ).one()
        return TopicIdentity(row.cluster_id, row.topic_id)


def remember(connection: Connection, topics: Mapping[str, TopicIdentity]) -> None:
    """Let relays publish to these topics and to no others of their names, unless others are known already."""
    for topic, (cluster_id, topic_id) in sorted(topics.items()):
        connection.execute(
            query("remember_topic"), {"topic": topic, "cluster_id": cluster_id, "topic_id": topic_id}
        )


def stored_topics(engine: Engine) -> Mapping[str, TopicIdentity]:
    """What the outbox remembers: nothing in a former version of it. Raises :class:`SourceUnavailable`."""
    with translated_errors(), engine.connect() as connection:
        return _stored(connection)


def changed(
    source: str, known: Mapping[str, TopicIdentity], present: Mapping[str, TopicIdentity]
) -> KafkaChanged | None:
    """Which of the known topics are there and were made anew, and what to do about it."""
    anew = made_anew(known, present)
    if not anew:
        return None
    return KafkaChanged(
        "Kafka's topics were made anew, so events that were published may be lost, and publishing waits:"
        f" run `outbox-relay rewind {source} --since TIME` to publish those since TIME again,"
        f" or `outbox-relay accept-kafka {source}` if none is lost. Topics: {', '.join(anew)}"
    )


def made_anew(known: Mapping[str, TopicIdentity], present: Mapping[str, TopicIdentity]) -> Sequence[str]:
    """Those of the known topics that are there and were made anew, described for operators."""
    return [
        f"{topic} ({_described(found)}, was {_described(known[topic])})"
        for topic, found in sorted(present.items())
        if topic in known and found.is_other_than(known[topic])
    ]


def _described(identity: TopicIdentity) -> str:
    return f"id {identity.topic_id} in cluster {identity.cluster_id}"


def _stored(connection: Connection) -> Mapping[str, TopicIdentity]:
    if not connection.execute(_IS_THERE).scalar_one():
        return {}
    return _identities(connection.execute(_LOAD).all())


def _identities(rows: object) -> dict[str, TopicIdentity]:
    return {row.topic: TopicIdentity(row.cluster_id, row.topic_id) for row in rows}  # type: ignore[attr-defined]  # rows of _LOAD
