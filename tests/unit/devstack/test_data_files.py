"""The data that devstack shares with other ways of deployment."""

import pytest

from devstack.ports import Ports
from devstack.repository import TOPICS_FILE
from devstack.services import SHOP
from servicekit.kafka.topics import read_topics

_SEVEN_DAYS_MS = 7 * 24 * 60 * 60 * 1000


def test_every_topic_has_three_partitions_and_a_dead_letter_topic() -> None:
    topics = read_topics(TOPICS_FILE)

    assert set(topics.topics) == {
        "coupon-publish-request",
        "coupon-publish-request.dlt",
        "order-completed",
        "order-completed.dlt",
    }
    assert {topic.partitions for topic in topics.topics.values()} == {3}
    assert topics.replication == {"development": 1, "production": 3}


@pytest.mark.parametrize(("environment", "in_sync"), [("development", "1"), ("production", "2")])
def test_no_event_is_lost_to_a_default_of_the_broker(environment: str, in_sync: str) -> None:
    topics = read_topics(TOPICS_FILE)

    for topic in topics.topics:
        config = topics.config_of(topic, environment)
        assert config["cleanup.policy"] == "delete"
        assert config["min.insync.replicas"] == in_sync
        assert config["compression.type"] == "producer"
        assert int(config["retention.ms"]) >= _SEVEN_DAYS_MS


def test_every_service_has_a_port() -> None:
    for service in SHOP.services:
        assert Ports().of(service.name)


def test_only_clients_of_kafka_get_its_secrets() -> None:
    clients = {service.name for service in SHOP.services if service.is_kafka_client}

    consumers = {f"notification-consumer-{number}" for number in (1, 2, 3)}
    assert clients == {"coupon-worker", "outbox-relay", *consumers}
