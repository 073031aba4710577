"""Events of completed orders, as the relay publishes them."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from kafka import KafkaProducer

from notification_service.messaging.incoming_order_completed import ORDER_COMPLETED
from order_service.persistence.unit_of_work import EVENT_SOURCE
from outbox_relay.kafka.record import record_headers
from outbox_relay.protocol.model import Event
from servicekit.identifiers import uuid7
from servicekit.rfc3339 import format_rfc3339
from tests.benchmarks.notifications.world import CONSUMERS

CUSTOMERS = 50_000
PRODUCTS = 500
_MOST_ITEMS = 4
_SEED = 17


def produce(bootstrap_servers: str, events: int) -> None:
    """So many orders of now, evenly over the partitions; returns when the broker has them all."""
    producer = a_producer(bootstrap_servers)
    try:
        send(producer, list(_events(events)))
    finally:
        producer.close()


def a_producer(bootstrap_servers: str) -> KafkaProducer:
    return KafkaProducer(
        bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=True, linger_ms=5
    )


def send(producer: KafkaProducer, events: Sequence[dict[str, Any]], first: int = 0) -> None:
    """The partitions take turns; ``first`` is the number of the first event."""
    futures = [
        producer.send(
            ORDER_COMPLETED.topic, key=event["orderId"].encode(), partition=number % CONSUMERS,
            headers=_headers(event),
            value=json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode(),
        )
        for number, event in enumerate(events, first)
    ]  # fmt: skip
    producer.flush()
    for future in futures:
        future.get(timeout=60)


def an_order(chance: random.Random) -> dict[str, Any]:
    """One that was paid just now."""
    now = datetime.now(UTC)
    items: list[dict[str, Any]] = [
        {
            "productId": f"P-{chance.randrange(PRODUCTS)}",
            "quantity": chance.randint(1, 3),
            "unitPrice": 100 * chance.randint(10, 500),
        }
        for _ in range(chance.randint(1, _MOST_ITEMS))
    ]
    return {
        "eventId": str(uuid7()),
        "eventType": ORDER_COMPLETED.name,
        "version": ORDER_COMPLETED.version,
        "occurredAt": format_rfc3339(now),
        "orderId": str(uuid7()),
        "userId": chance.randint(1, CUSTOMERS),
        "currency": "KRW",
        "totalAmount": sum(item["quantity"] * item["unitPrice"] for item in items),
        "items": items,
        "recipient": {"name": "김하늘", "phone": f"010-1234-{chance.randrange(10_000):04}"},
        "payment": {
            "paymentId": str(uuid7()),
            "method": "CARD",
            "approvedAt": format_rfc3339(now - timedelta(milliseconds=50)),
        },
    }


def _events(number: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(_SEED)  # noqa: S311 - no secret
    return (an_order(chance) for _ in range(number))


def _headers(event: dict[str, Any]) -> list[tuple[str, bytes]]:
    return record_headers(
        Event(
            position=0, topic=ORDER_COMPLETED.topic, key=event["orderId"], event_id=event["eventId"],
            event_type=ORDER_COMPLETED.name, source=EVENT_SOURCE, time=event["occurredAt"], payload="",
            traceparent=None, age_seconds=0.0,
        )
    )  # fmt: skip
