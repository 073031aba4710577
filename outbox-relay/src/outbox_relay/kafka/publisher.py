"""Publishing to Kafka; the only producer of events in the whole system.

Order within a partition must be a prefix of what was sent, whatever fails: an event behind a failed one must
not reach the log before it. kafka-python's idempotent producer has one batch of a partition in flight at a
time and repeats it before the next, so only a batch that is *given up* lets later ones overtake. Hence it
never gives one up by itself (endless retries, a delivery timeout of weeks), and on the first batch that a
broker refuses, or when this publisher's own deadline has passed, the producer is stopped at once and what it
still holds is dropped.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from kafka.errors import (
    IllegalStateError,
    InvalidRecordError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from outbox_relay.kafka.batch_limits import BatchLimits
from outbox_relay.kafka.batch_producer import BatchFuture, BatchProducer
from outbox_relay.kafka.grace import Grace
from outbox_relay.kafka.page_fit import PageFit
from outbox_relay.kafka.record import RecordBatch, RecordEncoder, batches
from outbox_relay.kafka.record_time import RecordTime
from outbox_relay.protocol.errors import (
    BatchRefused,
    BrokerUnavailable,
    EventsRejected,
    PublishAbandoned,
    PublishFailed,
    PublishTimedOut,
    TimeRefused,
    TopicForbidden,
    TopicMissing,
)
from outbox_relay.protocol.model import Event, TopicIdentity
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.probe import KafkaProbe, KafkaUnavailable

BATCH_BYTES = 256 * 1024
_CONNECT_TIMEOUT_MS = 3_000
_TOPIC_TIMEOUT_MS = 3_000
_NEVER_MS = 2**31 - 1

_PERMANENT: dict[type[BaseException], str] = {
    MessageSizeTooLargeError: "too_large",
    RecordListTooLargeError: "too_large",
    TopicAuthorizationFailedError: "unauthorized",
    InvalidTopicError: "invalid_topic",
    InvalidRecordError: "invalid_record",
}
_CONCERNS_WHOLE_TOPIC = ("unauthorized", "invalid_topic")


def producer_options(cluster: KafkaCluster, client_id: str) -> dict[str, Any]:
    return {
        **cluster.client_options,
        "client_id": client_id,
        "acks": "all",
        "enable_idempotence": True,
        "allow_auto_create_topics": False,
        "delivery_timeout_ms": _NEVER_MS,
        "bootstrap_timeout_ms": _CONNECT_TIMEOUT_MS,
        "max_block_ms": _TOPIC_TIMEOUT_MS,
        "request_timeout_ms": 10_000,
        "reconnect_backoff_max_ms": 1_000,
        # Batches are whole when they are given to it.
        "linger_ms": 0,
        "batch_size": BATCH_BYTES,
        "metrics_enabled": False,
    }


class _KafkaDelivery:
    """Batches on their way, and for how long they may be waited for."""

    def __init__(
        self,
        publisher: "KafkaPublisher",
        timeout_seconds: float,
        batches: Sequence[tuple[RecordBatch, BatchFuture]],
    ) -> None:
        self._publisher = publisher
        self._timeout_seconds = timeout_seconds
        self._batches = batches

    def wait(self) -> None:
        # Counted from here: until now the page before it may have had all of the way.
        begun = time.monotonic()
        try:
            for _, future in self._batches:
                left = max(0.0, begun + self._timeout_seconds - time.monotonic())
                if future.failure(left) is not None:
                    raise self._publisher.failure()
        except TimeoutError:
            self._publisher.abandon()
            raise self._late() from None
        self._publisher.arrived(self._batches, time.monotonic() - begun)

    def acknowledged(self) -> set[int]:
        return {
            event.position
            for batch, future in self._batches
            if future.is_acknowledged()
            for event in batch.events
        }

    def _late(self) -> PublishTimedOut:
        events = sum(len(batch.events) for batch, _ in self._batches)
        acknowledged = len(self.acknowledged())
        self._publisher.was_late(events, acknowledged)
        return PublishTimedOut(
            f"{acknowledged} of {events} events acknowledged in {self._timeout_seconds:g} s;"
            " is a partition without a leader, or a quota exhausted?"
        )


class KafkaPublisher:
    """Publishes pages as :class:`outbox_relay.protocol.relay.Publisher` promises it."""

    def __init__(
        self,
        cluster: KafkaCluster,
        client_id: str,
        probe: KafkaProbe,
        *,
        timeout_seconds: float,
        event_max_bytes: int,
        missing_topic_grace_seconds: float,
        verify: Callable[[str, TopicIdentity], None] = lambda _, __: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``verify`` is asked before anything is sent to a topic, and may raise a ``RelayError``."""
        self._cluster = cluster
        self._client_id = client_id
        self._probe = probe
        self._timeout_seconds = timeout_seconds
        self._event_max_bytes = event_max_bytes
        self._verify = verify
        self._encoder = RecordEncoder()
        self._lock = threading.Lock()
        self._producer: BatchProducer | None = None
        self._is_stopped = False
        self._refused: tuple[RecordBatch, BaseException] | None = None
        self._limits = BatchLimits(timeout_seconds, clock)
        self._fit = PageFit(timeout_seconds)
        self._time = RecordTime(clock)
        self._missing = Grace(missing_topic_grace_seconds, probe.answering_seconds, clock)
        self._forbidden = Grace(missing_topic_grace_seconds, probe.answering_seconds, clock)

    @property
    def most_events(self) -> int | None:
        return self._fit.most_events

    def send(self, events: Sequence[Event]) -> _KafkaDelivery:
        producer = self._connected()
        if self._refused is not None:
            # Of an earlier page. Nothing of this one would leave, and its topics could not even be asked for.
            raise self.failure()
        try:
            encoded = self._encode(producer, events)
            # Only now, so that an event which can't be sent lets none before it be sent for nothing.
            time_ms = self._time.of(events[-1])
            sent = [
                (batch, producer.send_batch(batch, time_ms, self._on_refusal(producer, batch)))
                for batch in encoded
            ]
        except KafkaError as error:
            self.abandon()
            raise PublishFailed(str(error) or type(error).__name__) from error
        return _KafkaDelivery(self, self._timeout_seconds, sent)

    def abandon(self) -> None:
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None:
            producer.abort()

    def stop(self) -> None:
        """Give up whatever is being published and publish nothing any more, from any thread.

        The thread that sends may be about to send the page behind the one that is given up here. Whatever it
        does from now on fails, be it in the middle of sending: to a producer that has been stopped, or for
        want of one.
        """
        with self._lock:
            self._is_stopped = True
        self.abandon()

    def arrived(self, sent: Sequence[tuple[RecordBatch, BatchFuture]], seconds: float) -> None:
        """All of a page was acknowledged after so long."""
        self._fit.was_in_time(sum(len(batch.events) for batch, _ in sent), seconds)
        for topic in {batch.topic for batch, _ in sent}:
            self._forbidden.end(topic)

    def was_late(self, events: int, acknowledged: int) -> None:
        """Of a page of so many events so many were acknowledged in time."""
        self._fit.was_late(events, acknowledged)

    def failure(self) -> PublishFailed:
        """Why what was sent has failed: the first batch that was refused, if any was."""
        self.abandon()
        if self._refused is None:
            return PublishAbandoned()
        batch, error = self._refused
        reason = str(error) or type(error).__name__
        if isinstance(error, InvalidTimestampError):
            return TimeRefused(f"topic {batch.topic}: {reason} Trying {self._time.refused()}.")
        kind = next((kind for type_, kind in _PERMANENT.items() if isinstance(error, type_)), None)
        if kind is None:
            return PublishFailed(reason)
        if kind == "unauthorized" and not self._forbidden.is_over(batch.topic):
            return _forbidden(batch.topic, reason)
        if len(batch.events) == 1 or kind in _CONCERNS_WHOLE_TOPIC:
            return EventsRejected(batch.events, kind, reason)
        if kind == "too_large":
            self._limits.refused_for_size(batch)
        else:
            self._limits.refused(batch)
        return BatchRefused(f"{len(batch.events)} events of topic {batch.topic}: {reason}")

    def _connected(self) -> BatchProducer:
        with self._lock:
            if self._is_stopped:
                raise PublishAbandoned
            if self._producer is None:
                self._refused = None
                try:
                    self._producer = BatchProducer(**producer_options(self._cluster, self._client_id))
                except KafkaError as error:
                    raise BrokerUnavailable(f"{self._cluster}: {self._cluster.reason(error)}") from error
            return self._producer

    def _encode(self, producer: BatchProducer, events: Sequence[Event]) -> list[RecordBatch]:
        self._check_keys(events)
        self._check_topics(producer, events)
        partitions: defaultdict[tuple[str, int], list[Event]] = defaultdict(list)
        for event in events:
            partitions[event.topic, producer.partition_of(event.topic, event.key)].append(event)
        encoded = [
            batch
            for (topic, partition), own in partitions.items()
            for batch in batches(
                self._encoder,
                topic,
                partition,
                own,
                # An event that is larger than allowed is thereby alone in its batch.
                max_bytes=self._limits.max_bytes(topic, min(BATCH_BYTES, self._event_max_bytes)),
                starts=self._limits.starts(),
            )
        ]
        large = [
            batch for batch in encoded if len(batch.body) > self._event_max_bytes and len(batch.events) == 1
        ]
        if large:
            reason = f"the record is larger than EVENT_MAX_BYTES ({self._event_max_bytes})"
            raise EventsRejected([event for batch in large for event in batch.events], "too_large", reason)
        return encoded

    def _check_keys(self, events: Sequence[Event]) -> None:
        keyless = [event for event in events if not event.key]
        if keyless:
            raise EventsRejected(keyless, "invalid_key", "an event without a key has no order")

    def _check_topics(self, producer: BatchProducer, events: Sequence[Event]) -> None:
        topics = {event.topic for event in events}
        missing = {topic for topic in topics if self._is_missing(producer, topic, events)}
        if not missing:
            for topic in topics:
                self._verify(topic, producer.identity(topic))
            return
        overdue = {topic for topic in missing if self._missing.is_over(topic)}
        if not overdue:
            raise TopicMissing(f"the topic {', '.join(sorted(missing))} does not exist")
        rejected = [event for event in events if event.topic in overdue]
        raise EventsRejected(rejected, "unknown_topic", "the topic does not exist")

    def _is_missing(self, producer: BatchProducer, topic: str, events: Sequence[Event]) -> bool:
        """Whether Kafka says that there is no such topic."""
        try:
            # The producer's own way waits for seconds for a topic that isn't there, and for each one anew.
            if not producer.knows(topic) and self._probe.is_missing(topic):
                return True
            producer.learn_partitions(topic)
        except IllegalStateError as error:
            raise self.failure() from error
        except KafkaTimeoutError as error:
            if self._refused is not None:
                # The producer was stopped meanwhile, so no answer could come.
                raise self.failure() from error
            raise BrokerUnavailable(f"no metadata for topic {topic}") from error
        except KafkaUnavailable as error:
            raise BrokerUnavailable(str(error)) from error
        except TopicAuthorizationFailedError as error:
            if not self._forbidden.is_over(topic):
                raise _forbidden(topic, str(error)) from error
            raise _rejected(topic, events, "unauthorized", str(error)) from error
        except (InvalidTopicError, ValueError, TypeError) as error:
            raise _rejected(topic, events, "invalid_topic", str(error)) from error
        self._missing.end(topic)
        return False

    def _on_refusal(self, producer: BatchProducer, batch: RecordBatch) -> Callable[[BaseException], None]:
        def refuse(error: BaseException) -> None:
            # Batches that a stopped producer drops end like this, too, but Kafka has not refused them.
            if self._refused is None and not isinstance(error, IllegalStateError):
                self._refused = (batch, error)
            producer.stop_sending()

        return refuse


def _forbidden(topic: str, reason: str) -> TopicForbidden:
    return TopicForbidden(f"the relay may not write to topic {topic}: {reason}")


def _rejected(topic: str, events: Sequence[Event], kind: str, reason: str) -> EventsRejected:
    return EventsRejected([event for event in events if event.topic == topic], kind, reason)
