"""Everything that can fail between an outbox and Kafka."""

from collections.abc import Sequence

from outbox_relay.protocol.model import Event


class RelayError(Exception):
    """The relay can't go on for now; it repeats from the cursor."""

    kind = "relay"

    def __str__(self) -> str:
        return super().__str__() or (self.__doc__ or "").splitlines()[0]


class SourceUnavailable(RelayError):
    """The source's database can't be used."""

    kind = "database"


class UnsuitedSchema(SourceUnavailable):
    """The source's outbox has a version that this relay can't work with."""

    kind = "schema"


class OnStandby(SourceUnavailable):
    """The source's server is a standby."""

    kind = "standby"


class SessionsShared(SourceUnavailable):
    """A pooler shares sessions out by transaction; the relay needs a direct or session-pooled connection."""

    kind = "pooling"


class StatementTimedOut(SourceUnavailable):
    """The source's database has ended a statement that took too long."""


class SessionLost(SourceUnavailable):
    """The session that the cursor was loaded in has ended."""


class UnexpectedFailure(RelayError):
    """The relay failed in a way that it wasn't written for; the log has the traceback."""

    kind = "unexpected"


class CursorMissing(RelayError):
    """The outbox has no cursors; run the migration that creates it."""

    kind = "cursor"


class ForeignCluster(RelayError):
    """The cursors come from another database cluster, as after a restore; run `outbox-relay rebase SOURCE`.

    Transaction ids of one cluster mean nothing in another. A rebase that was broken off is gone on with.
    """

    kind = "foreign_cluster"


class KafkaChanged(RelayError):
    """Kafka's topics were made anew, so events may be lost.

    Publishing waits: what is published behind a gap can't be put in order any more, and what isn't published
    is safe in the outbox.
    """

    kind = "kafka_changed"


class LostLeadership(RelayError):
    """Another relay leads this shard."""

    kind = "leadership"


class PublishFailed(RelayError):
    """Kafka did not take every event of a page."""

    kind = "publish"


class BrokerUnavailable(PublishFailed):
    """No Kafka broker answers."""

    kind = "broker"


class PublishTimedOut(PublishFailed):
    """Kafka did not acknowledge a page in time."""

    kind = "timeout"


class PublishAbandoned(PublishFailed):
    """A page was given up: the relay stops, has lost its leadership, or a topic was made anew."""

    kind = "abandoned"


class TopicMissing(PublishFailed):
    """The topic does not exist yet; its grace period has not run out."""

    kind = "topic_missing"


class TopicForbidden(PublishFailed):
    """The relay may not write to the topic; its grace period has not run out."""

    kind = "topic_forbidden"


class BatchRefused(PublishFailed):
    """Kafka refuses several events together; the next attempt sends them in smaller batches."""

    kind = "batch_refused"


class TimeRefused(BatchRefused):
    """Kafka refuses the time that records carry; the next attempt takes it from another clock."""

    kind = "time_refused"


class EventsRejected(PublishFailed):
    """Kafka refuses events for good: they become dead letters.

    ``kind`` says why: ``too_large``, ``unknown_topic``, ``unauthorized``, ``invalid_topic``, ``invalid_key``
    or ``invalid_record``.
    """

    def __init__(self, events: Sequence[Event], kind: str, reason: str) -> None:
        self.events = events
        self.kind = kind
        self.reason = reason
        super().__init__(f"{len(events)} of topic {events[0].topic} rejected ({kind}): {reason}")
