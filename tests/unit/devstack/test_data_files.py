"""The data that devstack shares with other ways of deployment."""

import pytest

from devstack.ports import Ports
from devstack.repository import TOPICS_FILE
from devstack.services import SHOP
from notification_service.config import ApiSettings, ConsumerSettings
from provider_sandbox.providers.nhn.account import WEBHOOK_SIGNATURE
from provider_sandbox.providers.solapi.account import WEBHOOK_TOKEN
from servicekit.config import read_settings
from servicekit.kafka.topics import read_topics
from tests.support.compose_file import ComposeFile

_SEVEN_DAYS_MS = 7 * 24 * 60 * 60 * 1000


def test_every_topic_has_three_partitions_and_a_dead_letter_topic() -> None:
    topics = read_topics(TOPICS_FILE)

    assert set(topics.topics) == {
        "coupon-publish-request",
        "coupon-publish-request.dlt",
        "order-completed",
        "order-completed.dlt",
        "order-cancelled",
        "order-cancelled.dlt",
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


def test_consumers_send_by_the_sandboxs_own_provider_or_by_two_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = []
    for deployment in (SHOP, SHOP.through_solapi_and_nhn()):
        (consumer,) = [each for each in deployment.services if each.name == "notification-consumer-1"]
        for name, value in consumer.environment.items():
            monkeypatch.setenv(name, value.replace("{provider_sandbox_url}", "http://sandbox"))
        monkeypatch.setenv("DATABASE_URL", "postgresql://user@localhost/notification")
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")
        chosen.append([each.name for each in read_settings(ConsumerSettings).alimtalk_chosen])

    assert chosen == [["sandbox"], ["solapi", "nhn"]]


def test_only_notification_service_gets_the_accounts_of_providers() -> None:
    with_accounts = {
        service.name
        for service in SHOP.through_solapi_and_nhn().services
        if "SOLAPI_API_KEY" in service.environment
    }

    assert with_accounts == {
        f"notification-{name}" for name in ("api", *(f"consumer-{n}" for n in (1, 2, 3)))
    }


def test_the_sandboxs_webhooks_carry_the_secrets_that_the_api_expects() -> None:
    expected = SHOP.solapi_and_nhn

    assert expected["SOLAPI_WEBHOOK_TOKEN"] == WEBHOOK_TOKEN
    assert expected["NHN_WEBHOOK_SIGNATURE"] == WEBHOOK_SIGNATURE


def test_the_compose_file_passes_the_accounts_on() -> None:
    services = ComposeFile().services
    passed_on = {
        name: services[name].environment.keys() & SHOP.solapi_and_nhn.keys()
        for name in ("notification-consumer", "notification-api")
    }

    assert set.union(*passed_on.values()) == SHOP.solapi_and_nhn.keys()
    assert passed_on["notification-api"] == {
        name.upper() for name in ApiSettings.model_fields if name.upper() in SHOP.solapi_and_nhn
    }
