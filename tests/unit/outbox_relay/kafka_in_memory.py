"""A producer and its broker in memory, that refuse as kafka-python and Kafka do."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from kafka import TopicPartition
from kafka.errors import (
    IllegalStateError,
    InvalidRecordError,
    InvalidTimestampError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)
from kafka.producer.future import FutureProduceResult
from kafka.producer.sender import Sender

from outbox_relay.kafka.batch_producer import BatchFuture, OnFailure, partition_of
from outbox_relay.kafka.record import RecordBatch
from outbox_relay.kafka.record_time import NO_TIME
from outbox_relay.protocol.model import Event, TopicIdentity

PARTITIONS = 3


def refusal(error: Exception, indices: Iterable[int], records: int) -> BatchFuture:
    """What kafka-python makes of a broker's answer that blames these records of a batch."""
    future = FutureProduceResult(TopicPartition("topic", 0))
    record_errors = [(index, None) for index in indices]
    future.success((-1, -1, Sender._record_exceptions_fn(None, error, record_errors, None)))  # noqa: SLF001 - the original
    return BatchFuture(future, records)


def acknowledgement(records: int) -> BatchFuture:
    future = FutureProduceResult(TopicPartition("topic", 0))
    future.success((0, -1, None))
    return BatchFuture(future, records)


@dataclass
class MemoryKafka:
    """Takes the place of :class:`BatchProducer` itself, too: calling it makes a producer."""

    answered_seconds: float = 3_600
    """For how long a broker has answered."""
    topics: set[str] = field(default_factory=lambda: {"topic"})
    topic_ids: dict[str, str] = field(default_factory=dict)
    """Of topics that have one."""
    invalid: set[int] = field(default_factory=set)
    """Positions of events that aren't taken, however often they are sent."""
    max_bytes: int = 1_000_000
    forbidden: set[str] = field(default_factory=set)
    """Topics that may be seen and not written to."""
    hidden: set[str] = field(default_factory=set)
    """Topics of which a new producer may not even see the metadata."""
    earliest_ms: float = -math.inf
    latest_ms: float = math.inf
    """Records must have a time between these, or none."""
    silent: set[int] = field(default_factory=set)
    """Positions of events whose batches are never answered."""
    attempts: list[list[RecordBatch]] = field(default_factory=list)
    """The batches that each producer has been given."""
    waited_for: list[str] = field(default_factory=list)
    """Topics that a producer had to wait for in vain."""
    log: list[Event] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)
    """Of each batch that was taken."""

    def __call__(self, **_: object) -> "MemoryProducer":
        self.attempts.append([])
        return MemoryProducer(self)

    def answering_seconds(self) -> float:
        return self.answered_seconds

    def is_missing(self, topic: str) -> bool:
        return topic not in self.topics

    def answer(self, batch: RecordBatch, time_ms: int) -> BatchFuture:
        count = len(batch.events)
        if any(event.position in self.silent for event in batch.events):
            return BatchFuture(FutureProduceResult(TopicPartition("topic", 0)), count)
        if batch.topic in self.forbidden:
            return refusal(TopicAuthorizationFailedError(batch.topic), [], count)
        if time_ms != NO_TIME and not self.earliest_ms <= time_ms <= self.latest_ms:
            return refusal(InvalidTimestampError("out of range"), [], count)
        if len(batch.body) > self.max_bytes:
            return refusal(MessageSizeTooLargeError("too large"), [], count)
        invalid = [index for index, event in enumerate(batch.events) if event.position in self.invalid]
        if invalid:
            return refusal(InvalidRecordError("invalid"), invalid, count)
        self.log += batch.events
        self.times_ms.append(time_ms)
        return acknowledgement(count)


class MemoryProducer:
    """Answers at once."""

    def __init__(self, kafka: MemoryKafka) -> None:
        self._kafka = kafka
        self._known: set[str] = set()
        self._is_stopped = False

    def knows(self, topic: str) -> bool:
        return topic in self._known

    def learn_partitions(self, topic: str) -> None:
        if topic in self._known:
            return
        if topic in self._kafka.hidden:
            raise TopicAuthorizationFailedError(topic)
        if self._is_stopped or topic not in self._kafka.topics:
            self._kafka.waited_for.append(topic)
            raise KafkaTimeoutError
        self._known.add(topic)

    def identity(self, topic: str) -> TopicIdentity:
        return TopicIdentity("cluster", self._kafka.topic_ids.get(topic))

    def partition_of(self, topic: str, key: str) -> int:
        return partition_of(key, PARTITIONS)

    def send_batch(self, batch: RecordBatch, time_ms: int, on_failure: OnFailure) -> BatchFuture:
        self._kafka.attempts[-1].append(batch)
        if self._is_stopped:
            return refusal(IllegalStateError("stopped"), [], len(batch.events))
        future = self._kafka.answer(batch, time_ms)
        try:
            failure = future.failure(0)
        except TimeoutError:
            return future
        if failure is not None:
            on_failure(failure)
        return future

    def stop_sending(self) -> None:
        self._is_stopped = True

    def abort(self) -> None:
        self._is_stopped = True
