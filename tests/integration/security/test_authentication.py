"""Every supported way to authenticate works."""

import pytest

from devstack.repository import TOPICS_FILE
from tests.integration.security.commands import run
from tests.integration.security.servers import SecuredServers, assert_no_secret
from tests.support.databases import RELAY_ROLE


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
def test_each_mechanism_authenticates(secured: SecuredServers, mechanism: str) -> None:
    environment = {**secured.kafka_environment, "KAFKA_SASL_MECHANISM": mechanism}
    assert run("outbox-relay", "topics", str(TOPICS_FILE), environment=environment) == (0, "")


def test_a_client_certificate_authenticates(secured: SecuredServers) -> None:
    client = secured.authority.issue("client.example")
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{secured.security.client_certificate_port}",
        "KAFKA_SECURITY_PROTOCOL": "SSL",
        "KAFKA_SSL_CA_FILE": str(secured.authority.file),
        "KAFKA_SSL_CERTIFICATE_FILE": str(client.certificate_file),
        "KAFKA_SSL_KEY_FILE": str(client.key_file),
    }
    assert run("outbox-relay", "topics", str(TOPICS_FILE), environment=environment) == (0, "")


@pytest.mark.parametrize("service", ["coupon-service", "order-service", "notification-service"])
def test_a_password_may_hold_anything(service: str, secured: SecuredServers, database: str) -> None:
    environment = {"DATABASE_URL": secured.database_url(database), "OUTBOX_RELAY_ROLE": RELAY_ROLE}
    status, output = run(service, "migrate", environment=environment)
    assert status == 0, output
    assert_no_secret(output)
