"""Publishing pages by a producer that lives in memory."""

from collections.abc import Sequence
from typing import cast

import pytest
from kafka.errors import InvalidRecordError, InvalidTimestampError

from outbox_relay.broker import BrokerProbe
from outbox_relay.errors import BatchRefused, EventsRejected, TopicMissing
from outbox_relay.model import Event
from outbox_relay.publisher import KafkaPublisher
from servicekit.messaging.cluster import KafkaCluster
from tests.unit.outbox_relay.events import an_event
from tests.unit.outbox_relay.kafka_in_memory import MemoryKafka, refusal

PAGE_EVENTS, POISON = 5_000, 4_900


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> MemoryKafka:
    kafka = MemoryKafka()
    monkeypatch.setattr("outbox_relay.publisher.BatchProducer", kafka)
    return kafka


@pytest.fixture
def publisher(kafka: MemoryKafka) -> KafkaPublisher:
    """One for which no time passes."""
    return KafkaPublisher(
        KafkaCluster("unused:1"),
        "test",
        cast("BrokerProbe", kafka),
        timeout_seconds=30,
        event_max_bytes=1_000_000,
        missing_topic_grace_seconds=60,
        clock=lambda: 1_000.0,
    )


def a_page(count: int = PAGE_EVENTS, payload_bytes: int = 2) -> list[Event]:
    return [an_event(n, key=f"key-{n % 97}", payload="x" * payload_bytes) for n in range(1, count + 1)]


def publish(publisher: KafkaPublisher, page: Sequence[Event]) -> list[Event]:
    """Send the page until it is acknowledged; returns what was refused of it."""
    refused: list[Event] = []
    while True:
        try:
            publisher.send([event for event in page if event not in refused]).wait()
        except BatchRefused:
            continue
        except EventsRejected as error:
            publisher.abandon()
            refused += error.events
        else:
            return refused


# Topics


def test_nobody_waits_for_topics_that_are_missing(publisher: KafkaPublisher, kafka: MemoryKafka) -> None:
    page = [an_event(n, topic=f"missing-{n}") for n in range(30)]

    with pytest.raises(TopicMissing, match="missing-0, missing-1, missing-10"):
        publisher.send([an_event(100), *page])

    assert kafka.waited_for == []


# Refusals


@pytest.mark.parametrize("index", [0, 57, 99])
def test_batch_is_refused_for_what_is_said_of_the_records_to_blame(index: int) -> None:
    """kafka-python says of the others only that they were in its company."""
    failure = refusal(InvalidRecordError("invalid"), [index], 100).failure(0)

    assert isinstance(failure, InvalidRecordError)


def test_batch_in_which_no_record_is_to_blame_is_refused_for_what_is_said_of_the_batch() -> None:
    assert isinstance(refusal(InvalidTimestampError("late"), [], 100).failure(0), InvalidTimestampError)


@pytest.mark.parametrize("positions", [{1}, {POISON}, {PAGE_EVENTS}, {17, 18, 3_000}])
def test_events_that_are_refused_are_found_and_all_others_go_on_in_order(
    publisher: KafkaPublisher, kafka: MemoryKafka, positions: set[int]
) -> None:
    kafka.invalid = positions

    refused = publish(publisher, a_page())

    assert {event.position for event in refused} == positions
    assert len(refused) == len(positions)
    first_seen = list(dict.fromkeys(event.position for event in kafka.log))
    assert sorted(first_seen) == [n for n in range(1, PAGE_EVENTS + 1) if n not in positions]
    for key in range(97):
        own = [position for position in first_seen if position % 97 == key]
        assert own == sorted(own)
