"""Where a Kafka cluster is and how one is let in: one object that every client of it is made with."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from kafka.errors import KafkaConnectionError, KafkaTimeoutError

from servicekit.config import KafkaSettings

_HANDSHAKE_TIMEOUT_SECONDS = 1.0


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
        return {"bootstrap_servers": servers, **self.security}

    def reason(self, error: Exception) -> str:
        """Why kafka-python could not connect, in one line.

        Of a failed TLS handshake it only says that time ran out, so the handshake is tried again to see.
        """
        if isinstance(error, KafkaTimeoutError | KafkaConnectionError):
            try:
                self._shake_hands()
            except OSError as cause:
                return f"{type(cause).__name__}: {cause}"
        return str(error) or type(error).__name__

    def _shake_hands(self) -> None:
        if self.security.get("security_protocol") not in {"SSL", "SASL_SSL"}:
            return
        context = ssl.create_default_context(cafile=self.security.get("ssl_cafile"))
        if "ssl_certfile" in self.security:
            context.load_cert_chain(self.security["ssl_certfile"], self.security.get("ssl_keyfile"))
        for server in self.client_options["bootstrap_servers"]:
            host, _, port = server.rpartition(":")
            with (
                socket.create_connection((host, int(port)), timeout=_HANDSHAKE_TIMEOUT_SECONDS) as plain,
                context.wrap_socket(plain, server_hostname=host),
            ):
                pass


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
