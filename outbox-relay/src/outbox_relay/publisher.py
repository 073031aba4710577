"""Publishing to Kafka; the only producer of the whole system.

Order within a partition must be a prefix of what was sent, whatever fails: an event behind a failed one must
not reach the log before it. kafka-python's idempotent producer has one batch of a partition in flight at a
time and repeats it before the next, so only a batch that is *given up* lets later ones overtake. Hence it
never gives one up by itself (endless retries, a delivery timeout of weeks), and on the first event that a
broker refuses, or when this publisher's own deadline has passed, the producer is stopped at once and what it
still holds is dropped.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from kafka import KafkaProducer
from kafka.errors import (
    BrokerResponseError,
    IllegalStateError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    UnknownError,
)
from kafka.producer.future import FutureRecordMetadata

from outbox_relay.broker import BrokerProbe
from outbox_relay.errors import (
    BrokerUnavailable,
    EventRejected,
    PublishAbandoned,
    PublishFailed,
    PublishTimedOut,
    TopicMissing,
)
from outbox_relay.model import Event
from outbox_relay.record import record_headers
from servicekit.messaging.cluster import KafkaCluster

_CONNECT_TIMEOUT_MS = 3_000
_TOPIC_TIMEOUT_MS = 3_000
_STOP_TIMEOUT_SECONDS = 5
_NEVER_MS = 2**31 - 1

Refused = Callable[[BaseException], None]


class _AbortableProducer(KafkaProducer):  # type: ignore[misc]  # kafka-python has no type information
    """A producer that can be stopped without delivering what it holds.

    ``close(timeout=0)`` is no such thing: it first flushes, which raises when something is left, and the
    thread that sends goes on.
    """

    def stop_sending(self) -> None:
        """Send nothing that isn't on its way already. Returns at once; any thread may call it."""
        self._sender.force_close()

    def abort(self) -> None:
        """Stop sending, let every open future fail, and close."""
        self.stop_sending()
        self._sender.join(_STOP_TIMEOUT_SECONDS)
        if not self._sender.is_alive():
            # Every future is done by now, so the flush inside returns and nothing is left to wait for.
            self.close(timeout=_STOP_TIMEOUT_SECONDS)


class _Attempt:
    """One page on its way: its deadline, and the first event that was refused."""

    def __init__(self, producer: _AbortableProducer, timeout_seconds: float) -> None:
        self._producer = producer
        self._deadline = time.monotonic() + timeout_seconds
        self.refused: tuple[Event, BaseException] | None = None

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def on_refusal(self, event: Event) -> Refused:
        def refuse(error: BaseException) -> None:
            if self.refused is None:
                self.refused = (event, error)
            # Runs in the sending thread before the partition is free for its next batch.
            self._producer.stop_sending()

        return refuse


class KafkaPublisher:
    """Publishes pages as :class:`outbox_relay.relay.Publisher` promises it."""

    def __init__(
        self, cluster: KafkaCluster, client_id: str, timeout_seconds: float, probe: BrokerProbe
    ) -> None:
        self._cluster = cluster
        self._client_id = client_id
        self._timeout_seconds = timeout_seconds
        self._probe = probe
        self._lock = threading.Lock()
        self._producer: _AbortableProducer | None = None

    def publish(self, events: Sequence[Event]) -> None:
        producer = self._connected()
        attempt = _Attempt(producer, self._timeout_seconds)
        try:
            self._check_topics(producer, events)
            self._deliver(producer, events, attempt)
        except PublishFailed:
            self.abandon()
            raise
        except KafkaError as error:
            self.abandon()
            raise _failure(attempt, error) from error

    def abandon(self) -> None:
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None:
            producer.abort()

    def _connected(self) -> _AbortableProducer:
        with self._lock:
            if self._producer is None:
                self._producer = self._connect()
            return self._producer

    def _connect(self) -> _AbortableProducer:
        try:
            return _AbortableProducer(
                **self._cluster.client_options,
                client_id=self._client_id,
                acks="all",
                enable_idempotence=True,
                allow_auto_create_topics=False,
                delivery_timeout_ms=_NEVER_MS,
                bootstrap_timeout_ms=_CONNECT_TIMEOUT_MS,
                max_block_ms=_TOPIC_TIMEOUT_MS,
                request_timeout_ms=10_000,
                reconnect_backoff_max_ms=1_000,
                # Lets a page make few large requests; the flush behind it ends the lingering.
                linger_ms=5,
                batch_size=256 * 1024,
                metrics_enabled=False,
            )
        except KafkaError as error:
            raise BrokerUnavailable(f"{self._cluster}: {self._cluster.reason(error)}") from error

    def _check_topics(self, producer: _AbortableProducer, events: Sequence[Event]) -> None:
        first_events = {event.topic: event for event in reversed(events)}
        for topic, event in first_events.items():
            try:
                producer.partitions_for(topic)
            except KafkaTimeoutError as error:
                if self._probe.is_missing(topic):
                    raise TopicMissing(event.event_id, topic, "the topic does not exist") from error
                raise BrokerUnavailable(f"no metadata for topic {topic}") from error
            except (BrokerResponseError, ValueError) as error:
                raise EventRejected(event.event_id, topic, str(error)) from error

    def _deliver(self, producer: _AbortableProducer, events: Sequence[Event], attempt: _Attempt) -> None:
        futures = [self._send(producer, event, attempt) for event in events]
        # Raised for a batch that was too large for its broker and has been split; its events' futures know
        # more.
        with suppress(UnknownError):
            producer.flush(timeout=attempt.seconds_left)
        for future in futures:
            future.get(timeout=attempt.seconds_left)

    def _send(self, producer: _AbortableProducer, event: Event, attempt: _Attempt) -> FutureRecordMetadata:
        refuse = attempt.on_refusal(event)
        try:
            future = producer.send(
                event.topic,
                key=event.key.encode(),
                value=event.payload.encode(),
                headers=record_headers(event),
            )
        except MessageSizeTooLargeError as error:
            refuse(error)
            raise
        return future.add_errback(refuse)


def _failure(attempt: _Attempt, error: KafkaError) -> PublishFailed:
    if attempt.refused is None:
        if isinstance(error, KafkaTimeoutError):
            return PublishTimedOut("not acknowledged in time; is a partition without a leader?")
        return PublishFailed(str(error) or type(error).__name__)
    event, reason = attempt.refused
    if isinstance(reason, IllegalStateError):
        return PublishAbandoned()
    return EventRejected(event.event_id, event.topic, str(reason) or type(reason).__name__)
