"""A kind of event that is added to the subscriptions: its own topic, effects and template, no more code."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from notification_service.config import ConsumerSettings
from notification_service.consumer import run
from notification_service.domain.order_event import OrderEvent
from notification_service.subscriptions import SUBSCRIPTIONS
from notification_service.template_files import read_catalog
from servicekit.event_type import EventType
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.consumer_deployment import TOPIC
from tests.support.notification_events import an_event, encoded
from tests.support.parcel_shipped import (
    PARCEL_SHIPPED,
    ParcelShipped,
    a_parcel_shipped,
    templates_with_parcels,
)
from tests.support.sandbox import Sandbox
from tests.support.topics import create_topics, produce, read_topic
from tests.support.waiting import wait_until

DEAD_LETTERS = f"{PARCEL_SHIPPED.topic}.dlt"


def settings_of(database_url: str, bootstrap_servers: str, sandbox: Sandbox) -> ConsumerSettings:
    return ConsumerSettings(
        database_url=database_url,
        kafka_bootstrap_servers=bootstrap_servers,
        alimtalk_url=sandbox.url,
        monitoring_webhook_url=sandbox.monitoring_url,
    )


class Spoilt(ParcelShipped):
    """An event whose reader has a bug."""

    event_type = EventType(topic="parcel-spoilt", name="ParcelShipped", version=1)

    def to_domain(self) -> OrderEvent:
        raise RuntimeError("a bug")


@pytest.fixture
def consumer(migrated_url: str, order_completed: str, own_sandbox: Sandbox, tmp_path: Path) -> Iterator[str]:
    """The consumer process's own composition, with the event subscribed to; Kafka's servers."""
    create_topics(order_completed, [PARCEL_SHIPPED.topic, DEAD_LETTERS])
    settings = settings_of(migrated_url, order_completed, own_sandbox)
    subscriptions = [*SUBSCRIPTIONS, PARCEL_SHIPPED]
    templates = read_catalog(templates_with_parcels(tmp_path / "templates"), subscriptions)
    stop = StopSignal()
    process = threading.Thread(target=run, args=(settings, templates, stop, (), subscriptions))
    process.start()
    yield order_completed
    stop.set()
    process.join(15)
    assert not process.is_alive()


def test_an_error_in_one_topic_ends_the_process(
    migrated_url: str, order_completed: str, own_sandbox: Sandbox, tmp_path: Path
) -> None:
    create_topics(order_completed, [Spoilt.event_type.topic])
    produce(order_completed, Spoilt.event_type.topic, [encoded(a_parcel_shipped())])
    subscriptions = [*SUBSCRIPTIONS, replace(PARCEL_SHIPPED, event=Spoilt, consumer_group="spoilt")]
    templates = read_catalog(templates_with_parcels(tmp_path / "templates"), subscriptions)
    stop = StopSignal()

    with ThreadPoolExecutor(1) as pool:
        settings = settings_of(migrated_url, order_completed, own_sandbox)
        process = pool.submit(run, settings, templates, stop, (), subscriptions)
        try:
            with pytest.raises(RuntimeError, match="a bug"):
                process.result(60)
        finally:
            stop.set()


def effects_of(engine: Engine, event_id: str) -> dict[str, str]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT effect, status FROM delivery WHERE event_id = :event_id"), {"event_id": event_id}
        )
        return {row.effect: row.status for row in rows}


def test_an_added_event_has_effects_beside_those_of_order_completed(
    consumer: str, engine: Engine, own_sandbox: Sandbox
) -> None:
    shipped, completed = a_parcel_shipped(), an_event()
    produce(consumer, PARCEL_SHIPPED.topic, [encoded(shipped)] * 2 + [(b"key", b"{}")])
    produce(consumer, TOPIC, [encoded(completed)])

    wait_until(
        lambda: (
            effects_of(engine, shipped["eventId"]) == dict.fromkeys(["ALIMTALK", "MONITORING"], "DELIVERED")
        ),
        "the two effects of the added event",
    )
    wait_until(
        lambda: list(effects_of(engine, completed["eventId"]).values()) == ["DELIVERED"] * 3,
        "the three effects of the completed order",
    )

    sent = {message["reference"]: message for message in own_sandbox.messages()}
    assert sent.keys() == {shipped["eventId"], completed["eventId"]}
    assert sent[shipped["eventId"]]["templateCode"] == "PARCEL_SHIPPED"
    assert sent[shipped["eventId"]]["content"].endswith("운송장: 6890-1234")
    assert sent[completed["eventId"]]["templateCode"] == "ORDER_COMPLETED"
    records = {record["idempotencyKey"]: record["body"]["type"] for record in own_sandbox.webhooks()}
    assert records == {shipped["eventId"]: "ParcelShipped", completed["eventId"]: "OrderCompleted"}
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT sum(orders) FROM sales_daily")) == 1
    # What doesn't keep to its contract is set aside in its own topic.
    (letter,) = read_topic(consumer, DEAD_LETTERS, enough=lambda records: len(records) == 1)
    assert letter.value == b"{}"
