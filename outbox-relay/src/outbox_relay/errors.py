"""What can go wrong between an outbox and Kafka."""


class RelayError(Exception):
    """The relay can't go on for now; it repeats from the cursor."""

    kind = "relay"

    def __str__(self) -> str:
        return super().__str__() or (self.__doc__ or "").splitlines()[0]


class SourceUnavailable(RelayError):
    """The source's database can't be used."""

    kind = "database"


class SessionLost(SourceUnavailable):
    """The session that the cursor was loaded in has ended."""


class CursorMissing(RelayError):
    """The source's outbox has no cursor for this shard."""

    kind = "cursor"


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


class EventRejected(PublishFailed):
    """Kafka refuses an event; repeating helps only after somebody has changed something.

    ``event_id`` names the event. It holds back its source until dead letters exist to park it in.
    """

    kind = "rejected"

    def __init__(self, event_id: str, topic: str, reason: str) -> None:
        self.event_id = event_id
        self.topic = topic
        super().__init__(f"event {event_id} for topic {topic}: {reason}")


class TopicMissing(EventRejected):
    """The topic of an event does not exist."""

    kind = "topic_missing"
