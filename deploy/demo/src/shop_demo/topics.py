"""Reads the topics as any Kafka client could: without a group, from where they ended before the run."""

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import chain
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from servicekit.kafka.cluster import KafkaCluster
from shop_demo.errors import DemoError
from shop_demo.facts import PublishedEvent
from shop_demo.restarts import outlasting_restarts

COUPON_PUBLISH_REQUEST = "coupon-publish-request"
ORDER_COMPLETED = "order-completed"
_POLL_TIMEOUT_MS = 1_000
_EMPTY_POLLS_ALLOWED = 30

Offsets = Mapping[int, int]
"""By partition, the offset of the next record."""


class TopicReader:
    def __init__(self, cluster: KafkaCluster) -> None:
        self._cluster = cluster

    @outlasting_restarts(KafkaError, "Kafka")
    def end_of(self, topic: str) -> Offsets:
        """Where the topic ends now."""
        with self._consumer() as consumer:
            return {
                partition.partition: int(offset)
                for partition, offset in consumer.end_offsets(_partitions(consumer, topic)).items()
            }

    def coupon_publish_requests(self, since: Offsets, coupon_id: int) -> tuple[PublishedEvent, ...]:
        """The coupon's requests."""
        return tuple(
            _event(record, value, subject_id=value["requestId"])
            for record, value in self._records(COUPON_PUBLISH_REQUEST, since)
            if value.get("couponId") == coupon_id
        )

    def orders_completed(self, since: Offsets, order_ids: AbstractSet[str]) -> tuple[PublishedEvent, ...]:
        """The events of these orders."""
        return tuple(
            replace(
                _event(record, value, subject_id=value["orderId"]),
                currency=str(value["currency"]),
                total_amount=int(value["totalAmount"]),
            )
            for record, value in self._records(ORDER_COMPLETED, since)
            if value.get("orderId") in order_ids
        )

    @outlasting_restarts(KafkaError, "Kafka")
    def _records(self, topic: str, since: Offsets) -> list[tuple[Any, dict[str, Any]]]:
        """What lies between `since` and where the topic ends now; what is no JSON object is not ours."""
        records: list[tuple[Any, dict[str, Any]]] = []
        with self._consumer() as consumer:
            partitions = _partitions(consumer, topic)
            consumer.assign(partitions)
            for partition in partitions:
                consumer.seek(partition, since.get(partition.partition, 0))
            end = consumer.end_offsets(partitions)
            empty_polls = 0
            while any(consumer.position(partition) < end[partition] for partition in partitions):
                polled = consumer.poll(timeout_ms=_POLL_TIMEOUT_MS)
                empty_polls = 0 if polled else empty_polls + 1
                if empty_polls > _EMPTY_POLLS_ALLOWED:
                    raise DemoError(f"Kafka does not return all records of topic {topic}")
                records.extend(
                    (record, value)
                    for record in chain.from_iterable(polled.values())
                    if (value := _json_object(record.value)) is not None
                )
        return records

    def _consumer(self) -> KafkaConsumer:
        return KafkaConsumer(
            **self._cluster.client_options,
            client_id="shop-demo",
            group_id=None,
            enable_auto_commit=False,
        )


def _partitions(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    partitions = consumer.partitions_for_topic(topic)
    if not partitions:
        raise DemoError(f"topic {topic} does not exist; run `make up` to create it")
    return [TopicPartition(topic, partition) for partition in sorted(partitions)]


def _json_object(value: bytes | None) -> dict[str, Any] | None:
    try:
        content = json.loads(value or b"null")
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _event(record: Any, value: Mapping[str, Any], *, subject_id: str) -> PublishedEvent:
    return PublishedEvent(
        event_id=value["eventId"],
        key=(record.key or b"").decode(errors="replace"),
        subject_id=subject_id,
        partition=record.partition,
        offset=record.offset,
    )
