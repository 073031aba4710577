"""The data that devstack shares with other ways of deployment."""

from devstack.ports import Ports
from devstack.repository import TOPICS_FILE
from devstack.services import SHOP
from servicekit.kafka.topics import read_topics


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


def test_every_service_has_a_port() -> None:
    for service in SHOP.services:
        assert Ports().of(service.name)


def test_only_clients_of_kafka_get_its_secrets() -> None:
    clients = {service.name for service in SHOP.services if service.is_kafka_client}

    consumers = {f"notification-consumer-{number}" for number in (1, 2, 3)}
    assert clients == {"coupon-worker", "outbox-relay", *consumers}
