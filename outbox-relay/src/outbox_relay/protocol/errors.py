"""What can go wrong between an outbox and Kafka."""

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


class StatementTimedOut(SourceUnavailable):
    """The source's database has ended a statement that took too long."""


class SessionLost(SourceUnavailable):
    """The session that the cursor was loaded in has ended."""


class UnexpectedFailure(RelayError):
    """Something that nobody thought of: an error of our own, or strange data. The log has all of it."""

    kind = "unexpected"


class CursorMissing(RelayError):
    """The source's outbox has no cursors."""

    kind = "cursor"


class ForeignCluster(RelayError):
    """The cursors come from another database cluster, as after a restore; `outbox-relay rebase` goes on.

    Transaction ids of one cluster mean nothing in another.
    """

    kind = "foreign_cluster"


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
    """A page was given up because the relay stops or has lost its leadership."""

    kind = "abandoned"


class TopicMissing(PublishFailed):
    """The topic of an event does not exist, for less long than it takes to believe it."""

    kind = "topic_missing"


class BatchRefused(PublishFailed):
    """Kafka refuses several events together; the next attempt sends them in smaller batches."""

    kind = "batch_refused"


class EventsRejected(PublishFailed):
    """Kafka refuses events, however often they are sent: they become dead letters.

    ``kind`` says why: ``too_large``, ``unknown_topic``, ``unauthorized``, ``invalid_topic``, ``invalid_key``
    or ``invalid_record``.
    """

    def __init__(self, events: Sequence[Event], kind: str, reason: str) -> None:
        self.events = events
        self.kind = kind
        self.reason = reason
        super().__init__(f"{len(events)} of topic {events[0].topic} rejected ({kind}): {reason}")
