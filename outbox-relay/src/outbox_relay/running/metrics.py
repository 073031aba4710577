"""What the relay counts, for Prometheus."""

import math

from prometheus_client import Counter, Gauge, Histogram

from outbox_relay.postgresql.lag import SourceLag
from servicekit.observability.figures import note_measured

EVENTS_PUBLISHED = Counter(
    "outbox_relay_events_published_total", "Events acknowledged by Kafka.", ["source", "topic"]
)
FAILURES = Counter(
    "outbox_relay_failures_total", "Turns that failed, by kind of failure.", ["source", "kind"]
)
PAGE_EVENTS = Histogram(
    "outbox_relay_page_events",
    "Events in a page.",
    ["source"],
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000, 5000),
)
PAGE_SECONDS = Histogram(
    "outbox_relay_page_publish_seconds",
    "Time from sending a page to its last acknowledgement.",
    ["source"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
STORED_TO_ACKNOWLEDGED_SECONDS = Histogram(
    "outbox_relay_stored_to_acknowledged_seconds",
    "Time from an event's INSERT to Kafka's acknowledgement; of the first and last event of each page.",
    ["source"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
LAG_EVENTS = Gauge(
    "outbox_relay_lag_events", "Events waiting; counted up to 5,000, estimated beyond.", ["source", "shard"]
)
LAG_SECONDS = Gauge("outbox_relay_lag_seconds", "Age of the oldest event waiting.", ["source", "shard"])
LEADER = Gauge("outbox_relay_leader", "1 while this process publishes the shard.", ["source", "shard"])
DEAD_LETTERS = Gauge("outbox_relay_dead_letters", "Events parked or being replayed.", ["source", "shard"])
KAFKA_CHANGED = Gauge(
    "outbox_relay_kafka_changed",
    "1 while publishing waits because Kafka's topics were made anew.",
    ["source"],
)
OLDEST_EVENT_SECONDS = Gauge(
    "outbox_relay_oldest_event_seconds", "Age of the oldest event that is kept.", ["source"]
)


def expect_lag(source: str) -> None:
    """Until it is measured it has been unknown since the start."""
    note_measured(f"{source} lag")


def show_kafka_changed(source: str, *, is_changed: bool) -> None:
    KAFKA_CHANGED.labels(source).set(is_changed)
    note_measured(f"{source} topics")


def show_lag(source: str, lag: SourceLag | None) -> None:
    """Show what waits, or that it is unknown; nothing of shards that are no more."""
    for gauge in (LAG_EVENTS, LAG_SECONDS, DEAD_LETTERS):
        gauge.remove_by_labels({"source": source})
    if lag is None:
        OLDEST_EVENT_SECONDS.labels(source).set(math.nan)
        return
    note_measured(f"{source} lag")
    OLDEST_EVENT_SECONDS.labels(source).set(lag.oldest_event_seconds)
    for shard in lag.shards:
        LAG_EVENTS.labels(source, shard.shard).set(shard.events)
        LAG_SECONDS.labels(source, shard.shard).set(shard.seconds)
        DEAD_LETTERS.labels(source, shard.shard).set(shard.dead_letters)
