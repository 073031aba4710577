"""Where a Kafka cluster is and how to authenticate: one object that every client of it is made with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from kafka.errors import InvalidReceiveError, KafkaError, KafkaTimeoutError
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from servicekit.config import KafkaSettings

_ATTEMPT_TIMEOUT_MS = 1_000


class _AskingClient(KafkaNetClient):  # type: ignore[misc]  # kafka-python has no type information
    """Doesn't make a topic by asking for it: kafka-python 3.0.12 reads that option and forgets it."""

    def __init__(self, **configs: Any) -> None:
        super().__init__(**configs)
        self.cluster.config["allow_auto_create_topics"] = False


@dataclass(frozen=True)
class KafkaCluster:
    """A cluster to connect to; by default without encryption and authentication."""

    bootstrap_servers: str
    """``host:port``, or several of them with commas between."""
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """kafka-python's ``security_protocol``, ``ssl_…`` and ``sasl_…``; one of them is a password."""

    @classmethod
    def of(cls, settings: KafkaSettings) -> Self:
        return cls(settings.kafka_bootstrap_servers, dict(_security(settings)))

    def __str__(self) -> str:
        return self.bootstrap_servers

    @property
    def client_options(self) -> dict[str, Any]:
        """What kafka-python's producer, consumer and admin client take alike."""
        servers = [server.strip() for server in self.bootstrap_servers.split(",")]
        return {"bootstrap_servers": servers, "kafka_client": _AskingClient, **self.security}

    def enter(self) -> None:
        """Connect to one bootstrap server after the other, until one accepts and answers.

        Raises the first one's :class:`kafka.errors.KafkaError`, within about a second a server.
        """
        net = NetworkSelector()
        manager = KafkaConnectionManager(net, **self.client_options)
        try:
            manager.run(_enter_any, manager)
        finally:
            manager.close()
            net.close()

    def reason(self, error: Exception) -> str:
        """Why one of kafka-python's clients could not connect, in one line.

        A client reports every cause as a time-out, so this connects once more to learn the cause.
        """
        if isinstance(error, KafkaTimeoutError):
            try:
                self.enter()
            except KafkaError as cause:
                error = cause
        reason = str(error) if isinstance(error, KafkaError) else f"{type(error).__name__}: {error}"
        return reason + self._hint(error)

    def _hint(self, error: Exception) -> str:
        """The likely cause where the broker closed the connection: kafka-python drops its last words."""
        if not isinstance(error, InvalidReceiveError) and "socket disconnected" not in str(error):
            return ""
        protocol = str(self.security.get("security_protocol", "PLAINTEXT"))
        password = ", and are user and password right" if protocol.startswith("SASL_") else ""
        return f"; is {protocol} what the broker wants{password}?"


async def _enter_any(manager: Any) -> None:
    failures: list[KafkaError] = []
    for server in manager.cluster.bootstrap_brokers():
        try:
            await manager.get_connection(
                server.node_id,
                timeout_ms=_ATTEMPT_TIMEOUT_MS,
                pop_on_close=False,
                refresh_metadata_on_err=False,
            )
            await manager.cluster.refresh_metadata(server.node_id)
        except KafkaError as error:
            failures.append(error)
        else:
            return
    raise failures[0]


def _security(settings: KafkaSettings) -> Iterator[tuple[str, object]]:
    yield "security_protocol", settings.kafka_security_protocol
    if settings.kafka_sasl_mechanism is not None:
        yield "sasl_mechanism", settings.kafka_sasl_mechanism
    if settings.kafka_sasl_username is not None:
        yield "sasl_plain_username", settings.kafka_sasl_username
    if settings.kafka_sasl_password is not None:
        yield "sasl_plain_password", settings.kafka_sasl_password.get_secret_value()
    # kafka-python reads the files anew for each connection, so that a certificate can be renewed in place.
    if settings.kafka_ssl_ca_file is not None:
        yield "ssl_cafile", str(settings.kafka_ssl_ca_file)
    if settings.kafka_ssl_certificate_file is not None:
        yield "ssl_certfile", str(settings.kafka_ssl_certificate_file)
    if settings.kafka_ssl_key_file is not None:
        yield "ssl_keyfile", str(settings.kafka_ssl_key_file)
