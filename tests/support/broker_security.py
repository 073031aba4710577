"""A broker that accepts TLS connections only, from clients with a password or a certificate."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devstack.kafka_security import SCRAM_MECHANISMS, BrokerSecurity
from tests.support.certificates import TlsFiles

_LOGIN_MODULES = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class TlsBrokerSecurity(BrokerSecurity):
    """Passwords by user name, of SCRAM and PLAIN alike; the first user is the broker itself.

    On the other port clients need no password but a certificate of the same authority.
    """

    tls: TlsFiles
    users: Mapping[str, str] = field(repr=False)
    client_certificate_port: int | None = None

    @property
    def client_options(self) -> dict[str, str]:
        """kafka-python's options for the broker's own user."""
        user, password = self._own
        return {
            "security_protocol": "SASL_SSL",
            "ssl_cafile": str(self.tls.ca_file),
            "sasl_mechanism": SCRAM_MECHANISMS[0],
            "sasl_plain_username": user,
            "sasl_plain_password": password,
        }

    def listeners(self, host: str, port: int) -> list[str]:
        """Where clients are listened for."""
        listeners = [f"SASL_SSL://{host}:{port}"]
        if self.client_certificate_port is not None:
            listeners.append(f"SSL://{host}:{self.client_certificate_port}")
        return listeners

    def properties(self, directory: Path) -> dict[str, str]:
        """The broker's settings; its certificate and key are written into the directory."""
        keystore = directory / "broker.pem"
        directory.mkdir(parents=True, exist_ok=True)
        keystore.touch(mode=0o600)
        keystore.write_bytes(self.tls.key_file.read_bytes() + self.tls.certificate_file.read_bytes())
        return {
            "listener.security.protocol.map": "SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:SSL",
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.enabled.mechanisms": ",".join((*SCRAM_MECHANISMS, "PLAIN")),
            "sasl.mechanism.inter.broker.protocol": SCRAM_MECHANISMS[0],
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(keystore),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.tls.ca_file),
            "listener.name.ssl.ssl.client.auth": "required",
            **dict(self._login_modules()),
        }

    def _login_modules(self) -> Iterator[tuple[str, str]]:
        user, password = self._own
        for mechanism in SCRAM_MECHANISMS:
            yield (
                f"listener.name.sasl_ssl.{mechanism.lower()}.sasl.jaas.config",
                f'{_LOGIN_MODULES}.scram.ScramLoginModule required username="{user}" password="{password}";',
            )
        known = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
        yield (
            "listener.name.sasl_ssl.plain.sasl.jaas.config",
            f"{_LOGIN_MODULES}.plain.PlainLoginModule required {known};",
        )

    @property
    def _own(self) -> tuple[str, str]:
        return next(iter(self.users.items()))
