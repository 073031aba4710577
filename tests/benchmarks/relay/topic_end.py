"""Waiting until enough records are in a topic, at hardly any cost."""

import time
from collections.abc import Callable

from kafka import KafkaConsumer, TopicPartition

_POLL_SECONDS = 0.1
_QUIET_SECONDS = 0.5


def wait_for_records(
    bootstrap_servers: str,
    topic: str,
    count: int,
    *,
    timeout_seconds: float,
    check: Callable[[], None] = lambda: None,
    on_enough: Callable[[], None] = lambda: None,
) -> None:
    """Return once there are ``count`` records and no more come; ``on_enough`` is called in between.

    Only a look at the ends of the partitions, a few times a second: the moment of arrival is in the records.
    ``check`` may raise at each of them. Raises TimeoutError.
    """
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers)
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        deadline = time.monotonic() + timeout_seconds
        while (records := _end(consumer, partitions)) < count:
            check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{records:,} of {count:,} events after {timeout_seconds:.0f} s")
            time.sleep(_POLL_SECONDS)
        on_enough()
        while True:
            time.sleep(_QUIET_SECONDS)
            former, records = records, _end(consumer, partitions)
            if records == former:
                return
    finally:
        consumer.close()


def _end(consumer: KafkaConsumer, partitions: list[TopicPartition]) -> int:
    return sum(consumer.end_offsets(partitions).values())
