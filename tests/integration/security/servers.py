"""A PostgreSQL and a Kafka that require TLS and a password, and the settings of their clients."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from devstack.external_stack import ExternalServers
from devstack.kafka_broker import KafkaBroker
from devstack.postgresql import PostgresqlServer
from devstack.services import SHOP, Deployment
from servicekit.kafka.cluster import KafkaCluster
from tests.support.broker_security import TlsBrokerSecurity
from tests.support.certificates import CertificateAuthority

USER = "shop"
PASSWORD = "correct-horse-of-kafka"
GUESS = "a-guessed-password"
BROKER_PASSWORD = "battery-staple-of-the-broker"
DATABASE_PASSWORD = "p@ss/w:rd%?#&=+ of postgresql"
SECRETS = (PASSWORD, GUESS, BROKER_PASSWORD, DATABASE_PASSWORD, quote(DATABASE_PASSWORD, safe=""))


@dataclass(frozen=True)
class SecuredServers:
    """Both servers, started; both have certificates of `authority` for 127.0.0.1 and for no other name."""

    postgresql: PostgresqlServer
    kafka: KafkaBroker
    security: TlsBrokerSecurity
    authority: CertificateAuthority
    stranger: CertificateAuthority
    """An authority that has issued nothing to the servers."""

    @property
    def kafka_security(self) -> dict[str, str]:
        """The variables of a client that is let in."""
        return {
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": USER,
            "KAFKA_SASL_PASSWORD": PASSWORD,
            "KAFKA_SSL_CA_FILE": str(self.authority.file),
        }

    @property
    def kafka_environment(self) -> dict[str, str]:
        return {"KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers, **self.kafka_security}

    @property
    def external(self) -> ExternalServers:
        """As devstack's external stack is configured with them."""
        return ExternalServers(
            postgresql_url=self.postgresql.url(),
            bootstrap_servers=self.kafka.bootstrap_servers,
            kafka_security=self.kafka_security,
        )

    @property
    def cluster(self) -> KafkaCluster:
        return self.external.cluster

    def database_url(
        self,
        database: str,
        password: str = DATABASE_PASSWORD,
        host: str = "127.0.0.1",
        parameters: Mapping[str, str] | None = None,
    ) -> str:
        """For the role that is called as its database."""
        verified = {"sslmode": "verify-full", "sslrootcert": str(self.authority.file)}
        return (
            f"postgresql://{quote(database)}:{quote(password, safe='')}@{host}:{self.postgresql.port}"
            f"/{quote(database)}?{urlencode(verified if parameters is None else parameters)}"
        )


def talkative(deployment: Deployment = SHOP) -> Deployment:
    """Every service logs all that it and its libraries can say."""
    services = (
        replace(service, environment={**service.environment, "LOG_LEVEL": "DEBUG"})
        for service in deployment.services
    )
    return replace(deployment, services=tuple(services))


def assert_no_secret(text: str) -> None:
    assert not [secret for secret in SECRETS if secret in text]
