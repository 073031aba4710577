"""The data that devstack shares with other ways of deployment."""

from devstack.ports import Ports
from devstack.services import SHOP
from devstack.topics import read_topics


def test_every_topic_has_three_partitions_and_a_dead_letter_topic() -> None:
    topics = read_topics()

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
        assert Ports.default().of(service.name)
