"""Metrics of what is published."""

import time
from collections import Counter
from collections.abc import Sequence

from outbox_relay.protocol.model import Event
from outbox_relay.protocol.relay import Delivery, Publisher
from outbox_relay.running import metrics


class _MeasuredDelivery:
    def __init__(self, delivery: Delivery, source: str, events: Sequence[Event]) -> None:
        self._delivery = delivery
        self._source = source
        self._topics = Counter(event.topic for event in events)
        self._ages = (events[0].age_seconds, events[-1].age_seconds)
        self._begun = time.perf_counter()

    def wait(self) -> None:
        self._delivery.wait()
        seconds = time.perf_counter() - self._begun
        metrics.PAGE_SECONDS.labels(self._source).observe(seconds)
        metrics.PAGE_EVENTS.labels(self._source).observe(self._topics.total())
        for age in self._ages:
            metrics.STORED_TO_ACKNOWLEDGED_SECONDS.labels(self._source).observe(age + seconds)
        for topic, count in self._topics.items():
            metrics.EVENTS_PUBLISHED.labels(self._source, topic).inc(count)

    def acknowledged(self) -> set[int]:
        return self._delivery.acknowledged()


class MeasuredPublisher:
    """Counts and times what ``publisher`` publishes."""

    def __init__(self, publisher: Publisher, source: str) -> None:
        self._publisher = publisher
        self._source = source

    @property
    def most_events(self) -> int | None:
        return self._publisher.most_events

    def send(self, events: Sequence[Event]) -> Delivery:
        return _MeasuredDelivery(self._publisher.send(events), self._source, events)

    def abandon(self) -> None:
        self._publisher.abandon()
