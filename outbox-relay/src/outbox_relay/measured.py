"""A publisher that counts what another one publishes."""

import time
from collections import Counter
from collections.abc import Sequence

from outbox_relay import metrics
from outbox_relay.model import Event
from outbox_relay.relay import Publisher


class MeasuredPublisher:
    """Passes everything on to ``publisher``."""

    def __init__(self, publisher: Publisher, source: str) -> None:
        self._publisher = publisher
        self._source = source

    def publish(self, events: Sequence[Event]) -> None:
        begun = time.perf_counter()
        self._publisher.publish(events)
        metrics.PAGE_SECONDS.labels(self._source).observe(time.perf_counter() - begun)
        metrics.PAGE_EVENTS.labels(self._source).observe(len(events))
        for topic, count in Counter(event.topic for event in events).items():
            metrics.EVENTS_PUBLISHED.labels(self._source, topic).inc(count)

    def abandon(self) -> None:
        self._publisher.abandon()
