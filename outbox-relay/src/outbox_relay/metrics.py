"""What the relay counts, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

EVENTS_PUBLISHED = Counter(
    "outbox_relay_events_published_total", "Events acknowledged by Kafka.", ["source", "topic"]
)
FAILURES = Counter(
    "outbox_relay_failures_total", "Steps that failed, by kind of failure.", ["source", "kind"]
)
PAGE_EVENTS = Histogram(
    "outbox_relay_page_events",
    "Events in a page.",
    ["source"],
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000),
)
PAGE_SECONDS = Histogram(
    "outbox_relay_page_publish_seconds",
    "Time from sending a page to its last acknowledgement.",
    ["source"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
LAG_EVENTS = Gauge("outbox_relay_lag_events", "Events waiting, counted up to 10,000.", ["source"])
LAG_SECONDS = Gauge("outbox_relay_lag_seconds", "Age of the oldest event waiting.", ["source"])
LEADER = Gauge("outbox_relay_leader", "1 while this process publishes the source.", ["source"])
