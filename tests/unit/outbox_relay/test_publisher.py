"""Publishing pages by a producer that lives in memory."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import cast

import pytest
from kafka.errors import InvalidRecordError, InvalidTimestampError

from outbox_relay.kafka.publisher import KafkaPublisher
from outbox_relay.kafka.record_time import NO_TIME
from outbox_relay.protocol.errors import (
    BatchRefused,
    EventsRejected,
    PublishTimedOut,
    TopicForbidden,
    TopicMissing,
)
from outbox_relay.protocol.model import Event
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.probe import KafkaProbe
from tests.support.clock import Clock
from tests.support.relay.events import an_event
from tests.unit.outbox_relay.kafka_in_memory import PARTITIONS, MemoryKafka, refusal

PAGE_EVENTS, POISON = 5_000, 4_900
GRACE_SECONDS = 60
MOST_ATTEMPTS = 1_000
READ_AT_MS = 1_767_323_045_500
"""When the events of :func:`an_event` were read, by the database's clock."""


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> MemoryKafka:
    kafka = MemoryKafka()
    monkeypatch.setattr("outbox_relay.kafka.publisher.BatchProducer", kafka)
    return kafka


@pytest.fixture
def publisher(kafka: MemoryKafka, clock: Clock) -> KafkaPublisher:
    return a_publisher(kafka, clock)


def a_publisher(kafka: MemoryKafka, clock: Clock, timeout_seconds: float = 30) -> KafkaPublisher:
    return KafkaPublisher(
        KafkaCluster("unused:1"),
        "test",
        cast("KafkaProbe", kafka),
        timeout_seconds=timeout_seconds,
        event_max_bytes=1_000_000,
        missing_topic_grace_seconds=GRACE_SECONDS,
        clock=clock,
    )


def a_page(count: int = PAGE_EVENTS, payload_bytes: int = 2) -> list[Event]:
    return [an_event(n, key=f"key-{n % 97}", payload="x" * payload_bytes) for n in range(1, count + 1)]


def publish(publisher: KafkaPublisher, page: Sequence[Event]) -> list[Event]:
    """Send the page until it is acknowledged; returns what was refused of it."""
    refused: list[Event] = []
    for _ in range(MOST_ATTEMPTS):
        try:
            publisher.send([event for event in page if event not in refused]).wait()
        except BatchRefused:
            continue
        except EventsRejected as error:
            publisher.abandon()
            refused += error.events
        else:
            return refused
    raise AssertionError("refused again and again")


# Topics


def test_missing_topics_are_not_waited_for(publisher: KafkaPublisher, kafka: MemoryKafka) -> None:
    page = [an_event(n, topic=f"missing-{n}") for n in range(30)]

    with pytest.raises(TopicMissing, match="missing-0, missing-1, missing-10"):
        publisher.send([an_event(100), *page])

    assert kafka.waited_for == []


def test_topic_unknown_to_a_broker_that_just_came_back_is_not_overdue(
    publisher: KafkaPublisher, kafka: MemoryKafka, clock: Clock
) -> None:
    """However long ago it was missing for the first time."""
    page = [an_event(1, topic="missing")]
    with pytest.raises(TopicMissing):
        publisher.send(page)
    clock.now += GRACE_SECONDS
    kafka.answered_seconds = 9.9
    with pytest.raises(TopicMissing):
        publisher.send(page)

    kafka.answered_seconds = 10
    with pytest.raises(EventsRejected):
        publisher.send(page)


def test_refusal_is_reported_although_the_next_page_has_a_new_topic(
    publisher: KafkaPublisher, kafka: MemoryKafka
) -> None:
    kafka.topics.add("other")
    kafka.invalid = {1}
    publisher.send([an_event(1)])

    with pytest.raises(EventsRejected) as rejected:
        publisher.send([an_event(2, topic="other")])

    assert [event.position for event in rejected.value.events] == [1]


# Rights


@pytest.mark.parametrize("right", ["forbidden", "hidden"])
def test_topic_that_forbids_writing_is_waited_for_until_its_grace_is_over(
    publisher: KafkaPublisher, kafka: MemoryKafka, clock: Clock, right: str
) -> None:
    page = [an_event(1)]
    setattr(kafka, right, {"topic"})
    for _ in range(2):
        with pytest.raises(TopicForbidden, match="may not write to topic topic"):
            publisher.send(page).wait()
        clock.now += GRACE_SECONDS - 1

    with pytest.raises(EventsRejected) as rejected:
        publisher.send(page).wait()

    assert rejected.value.kind == "unauthorized"


def test_grace_begins_anew_once_a_topic_was_written_to(
    publisher: KafkaPublisher, kafka: MemoryKafka, clock: Clock
) -> None:
    page = [an_event(1)]
    kafka.forbidden = {"topic"}
    with pytest.raises(TopicForbidden):
        publisher.send(page).wait()
    kafka.forbidden = set()
    publisher.send(page).wait()
    clock.now += GRACE_SECONDS

    kafka.forbidden = {"topic"}
    with pytest.raises(TopicForbidden):
        publisher.send(page).wait()


# Lateness


def test_page_that_was_late_shrinks_and_grows_again(kafka: MemoryKafka, clock: Clock) -> None:
    publisher = a_publisher(kafka, clock, timeout_seconds=0.01)
    kafka.silent = {3_000}
    delivery = publisher.send(a_page(4_000, payload_bytes=1_000))
    with pytest.raises(PublishTimedOut, match=r"of 4000 events acknowledged in 0\.01 s"):
        delivery.wait()
    assert 1 <= (publisher.most_events or 0) <= 2_000
    assert {1, 2, 3} <= delivery.acknowledged()
    assert 3_000 not in delivery.acknowledged()

    kafka.silent = set()
    publisher = a_publisher(kafka, clock)
    for most_events in (2_000, 1_000):
        publisher.was_late(2 * most_events, 0)
        assert publisher.most_events == most_events
    publisher.send(a_page(1_000)).wait()
    assert publisher.most_events == 2_000
    publisher.send(a_page(1_000)).wait()
    assert publisher.most_events is None


# Time


def test_records_carry_the_time_at_which_the_database_read_them(
    publisher: KafkaPublisher, kafka: MemoryKafka
) -> None:
    publisher.send([an_event(1)._replace(time="1999-01-01T00:00:00Z"), an_event(2)]).wait()

    assert set(kafka.times_ms) == {READ_AT_MS}


def test_clock_that_the_broker_refuses_is_replaced_and_tried_again_later(
    publisher: KafkaPublisher, kafka: MemoryKafka, clock: Clock
) -> None:
    now_ms = time.time() * 1000
    kafka.earliest_ms = now_ms - 60_000
    publish(publisher, [an_event(1)])
    assert abs(kafka.times_ms[-1] - now_ms) < 60_000

    kafka.earliest_ms = now_ms + 3_600_000
    publish(publisher, [an_event(2)])
    assert kafka.times_ms[-1] == NO_TIME

    kafka.earliest_ms = READ_AT_MS
    clock.now += 601
    publish(publisher, [an_event(3)])
    assert kafka.times_ms[-1] == READ_AT_MS


def test_event_whose_time_no_clock_shows_is_stamped_by_the_relay(
    publisher: KafkaPublisher, kafka: MemoryKafka
) -> None:
    publisher.send([an_event(1)._replace(time="20000-01-01T00:00:00Z")]).wait()

    assert abs(kafka.times_ms[-1] - time.time() * 1000) < 60_000


# Refusals


@pytest.mark.parametrize("index", [0, 57, 99])
def test_batch_is_refused_for_what_is_said_of_the_records_to_blame(index: int) -> None:
    """kafka-python says of the others only that they were in its company."""
    failure = refusal(InvalidRecordError("invalid"), [index], 100).failure(0)

    assert isinstance(failure, InvalidRecordError)


def test_batch_without_a_blamed_record_is_refused_for_the_batchs_error() -> None:
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


def test_only_refused_events_go_out_in_small_batches(publisher: KafkaPublisher, kafka: MemoryKafka) -> None:
    """Each waits for the one before it: thousands of them would take longer than a page may."""
    publish(publisher, a_page())
    usual = most_batches_of_a_partition(kafka)
    kafka.invalid = {POISON}

    publish(publisher, a_page())
    publish(publisher, [event for event in a_page() if event.position != POISON])

    assert most_batches_of_a_partition(kafka) <= usual + 15
    assert len(kafka.attempts) <= 20


def test_topic_of_small_batches_gets_them_nearly_as_large_as_it_takes(
    publisher: KafkaPublisher, kafka: MemoryKafka
) -> None:
    kafka.max_bytes = 20_000
    page = a_page(1_000, payload_bytes=1_000)

    assert publish(publisher, page) == []
    assert len(kafka.attempts) <= 5

    kafka.attempts.clear()
    publisher.abandon()
    assert publish(publisher, page) == []
    (sent,) = kafka.attempts
    assert sum(len(batch.body) for batch in sent) / len(sent) > kafka.max_bytes / 3


def test_limits_that_no_longer_hold_are_forgotten(
    publisher: KafkaPublisher, kafka: MemoryKafka, clock: Clock
) -> None:
    page = a_page(100, payload_bytes=1_000)
    kafka.max_bytes = 20_000
    publish(publisher, page)
    kafka.max_bytes = 1_000_000
    clock.now += 100

    publisher.abandon()
    publish(publisher, page)

    assert len(kafka.attempts[-1]) == PARTITIONS


def test_other_topics_get_batches_as_large_as_ever(publisher: KafkaPublisher, kafka: MemoryKafka) -> None:
    kafka.topics.add("other")
    kafka.max_bytes = 20_000
    publish(publisher, a_page(1_000, payload_bytes=1_000))
    kafka.max_bytes = 1_000_000
    publisher.abandon()

    publish(publisher, [event._replace(topic="other") for event in a_page(100, payload_bytes=1_000)])

    assert len(kafka.attempts[-1]) == PARTITIONS


def most_batches_of_a_partition(kafka: MemoryKafka) -> int:
    """In one attempt."""
    return max(max(Counter(batch.partition for batch in batches).values()) for batches in kafka.attempts)
