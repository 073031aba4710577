"""What a relay may rely on from Kafka, and not more: a fake of the part of the system that isn't ours.

A producer's events reach each partition in the order in which they were sent, up to some point. What was on
its way when a producer was given up, or its process died, may still arrive later, up to some point again.
Whether events were written and whether the sender learns of it are two things.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from outbox_relay.protocol.errors import EventsRejected, PublishAbandoned, PublishFailed, PublishTimedOut
from outbox_relay.protocol.model import Event, TopicIdentity

PARTITION_OF_KEY = {"a": 0, "b": 0, "c": 1}
_PARTITIONS = 2

_Queue = list[tuple["_ModelDelivery", Event]]


class Fate(Enum):
    """The outcome of the next page that is waited for."""

    ACKNOWLEDGED = "acknowledged"
    GIVEN_UP = "given up"
    """A prefix is written, the rest never will be."""
    UNCERTAIN = "uncertain"
    """A prefix is written, which may be all of it; the rest may be written later."""


@dataclass
class BrokerModel:
    """The log of one topic."""

    log: list[list[Event]] = field(default_factory=lambda: [[] for _ in range(_PARTITIONS)])
    refused: set[str] = field(default_factory=set)
    """Ids of events that aren't taken, however often they are sent."""
    orphans: list[list[Event]] = field(default_factory=list)
    """What was on its way to one partition and has lost its sender, which doesn't learn of it any more."""

    generation: int = 0

    @property
    def identity(self) -> TopicIdentity:
        return TopicIdentity("cluster", str(self.generation))

    def forget(self) -> None:
        """Lose everything; what was on its way goes nowhere."""
        self.generation += 1
        self.log = [[] for _ in range(_PARTITIONS)]
        self.orphans.clear()

    def deliver_orphan(self, number: int, count: int) -> None:
        """Some of it arrives after all, and the rest is lost."""
        for event in self.orphans.pop(number)[:count]:
            if event.event_id in self.refused:
                return
            self.write(event)

    def write(self, event: Event) -> None:
        self.log[PARTITION_OF_KEY[event.key]].append(event)


class ProducerModel:
    """One process's way to the broker, as :class:`outbox_relay.protocol.relay.Publisher` promises it."""

    def __init__(self, broker: BrokerModel, reach: Callable[[str], None]) -> None:
        self.next_fate = Fate.ACKNOWLEDGED
        self.next_prefix = 0
        self.most_events: int | None = None
        self._broker = broker
        self._reach = reach
        self._refusal: EventsRejected | None = None
        self._queues: list[_Queue] = [[] for _ in range(_PARTITIONS)]
        self._has_gap = [False] * _PARTITIONS

    @property
    def has_pending(self) -> bool:
        return any(self._queues)

    def send(self, events: Sequence[Event]) -> "_ModelDelivery":
        # Some events are found out before anything is sent.
        refused = [event for event in events if event.event_id in self._broker.refused and event.position % 2]
        if refused:
            raise EventsRejected(refused, "invalid_record", "refused before it was sent")
        delivery = _ModelDelivery(self, self._reach)
        for event in events:
            self._queues[PARTITION_OF_KEY[event.key]].append((delivery, event))
        return delivery

    def abandon(self) -> None:
        """What is on its way may still arrive, but not behind something that never will."""
        for number, queue in enumerate(self._queues):
            if queue and not self._has_gap[number]:
                self._broker.orphans.append([event for _, event in queue])
        self._queues = [[] for _ in range(_PARTITIONS)]
        self._has_gap = [False] * _PARTITIONS
        self._refusal = None

    def deliver_some(self, partition: int, count: int) -> None:
        """Write some of what is on its way to one partition."""
        for _ in range(min(count, len(self._queues[partition]))):
            self._deliver_one(self._queues[partition])

    def settle(self, delivery: "_ModelDelivery") -> None:
        """Let the delivery meet its fate."""
        fate, self.next_fate = self.next_fate, Fate.ACKNOWLEDGED
        count = len([event for queue in self._queues for owner, event in queue if owner is delivery])
        prefix = count if fate is Fate.ACKNOWLEDGED else self.next_prefix
        for queue in self._queues:
            while prefix and self._refusal is None and any(owner is delivery for owner, _ in queue):
                if queue[0][0] is delivery:
                    prefix -= 1
                self._deliver_one(queue)
        if self._refusal is not None:
            raise self._refusal
        if delivery.is_dropped:
            raise PublishAbandoned
        self.most_events = 1 if fate is Fate.UNCERTAIN else None
        if fate is Fate.UNCERTAIN:
            # Of the latest event that was written the answer got lost.
            delivery.known.discard(max(delivery.known, default=0))
            raise PublishTimedOut
        if fate is Fate.GIVEN_UP:
            self._drop(delivery)
            raise PublishFailed

    def _deliver_one(self, queue: _Queue) -> None:
        delivery, event = queue[0]
        if event.event_id not in self._broker.refused:
            del queue[0]
            delivery.known.add(event.position)
            self._broker.write(event)
            return
        # Nothing more is sent, to no partition.
        self._refusal = self._refusal or EventsRejected([event], "invalid_record", "refused by the broker")
        for owner, _ in queue:
            owner.is_dropped = True
        queue.clear()

    def _drop(self, delivery: "_ModelDelivery") -> None:
        """It is given up; what was sent behind it goes on unless it is given up as well."""
        for number, queue in enumerate(self._queues):
            kept = [(owner, event) for owner, event in queue if owner is not delivery]
            if len(kept) < len(queue):
                self._has_gap[number] = True
                queue[:] = kept


class _ModelDelivery:
    def __init__(self, producer: ProducerModel, reach: Callable[[str], None]) -> None:
        self.is_dropped = False
        self.known: set[int] = set()
        self._producer = producer
        self._reach = reach

    def wait(self) -> None:
        self._reach("before wait")
        self._producer.settle(self)
        self._reach("after wait")

    def acknowledged(self) -> set[int]:
        return set(self.known)
