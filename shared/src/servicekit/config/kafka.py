"""Settings of a Kafka cluster and of its clients."""

import ssl
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from servicekit.config.readable import check_readable


def _check_bootstrap_servers(value: str) -> str:
    for server in value.split(","):
        host, separator, port = server.strip().rpartition(":")
        if not separator or not host or not port.isdigit() or not 0 < int(port) <= 65535:
            raise ValueError("must be host:port, or several of them with commas between")
    return value


BootstrapServers = Annotated[str, AfterValidator(_check_bootstrap_servers)]


class KafkaSettings(BaseSettings):
    """A Kafka cluster, and how clients and brokers authenticate.

    A setting that contradicts the security protocol is refused, not ignored: a password that is set is meant
    to be used.
    """

    kafka_bootstrap_servers: BootstrapServers
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None, Field(validate_default=True)
    ] = None
    kafka_sasl_username: Annotated[str | None, Field(validate_default=True)] = None
    kafka_sasl_password: Annotated[SecretStr | None, Field(validate_default=True)] = None
    kafka_ssl_ca_file: Path | None = None
    """PEM; without it the machine's own certificate authorities are trusted."""
    kafka_ssl_certificate_file: Path | None = None
    """PEM; a client certificate with its chain, for brokers that ask for one."""
    kafka_ssl_key_file: Annotated[Path | None, Field(validate_default=True)] = None
    """PEM, without a passphrase; not needed if the certificate's file holds the key as well."""

    @field_validator("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password")
    @classmethod
    def _fits_authentication(cls, value: object, info: ValidationInfo) -> object:
        protocol = info.data.get("kafka_security_protocol")
        if protocol in {"SASL_PLAINTEXT", "SASL_SSL"} and value is None:
            raise ValueError(f"is needed with KAFKA_SECURITY_PROTOCOL={protocol}")
        if protocol in {"PLAINTEXT", "SSL"} and value is not None:
            raise ValueError(f"isn't used with KAFKA_SECURITY_PROTOCOL={protocol}")
        return value

    @field_validator("kafka_sasl_username")
    @classmethod
    def _can_be_sent(cls, value: str | None, info: ValidationInfo) -> str | None:
        # SCRAM has an escape for them (RFC 5802), which kafka-python doesn't know.
        if value and set(",=") & set(value) and info.data.get("kafka_sasl_mechanism") != "PLAIN":
            raise ValueError("must hold neither a comma nor an equals sign")
        return value

    @field_validator("kafka_ssl_ca_file", "kafka_ssl_certificate_file", "kafka_ssl_key_file")
    @classmethod
    def _fits_encryption(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is None:
            return None
        protocol = info.data.get("kafka_security_protocol")
        if protocol in {"PLAINTEXT", "SASL_PLAINTEXT"}:
            raise ValueError(f"isn't used with KAFKA_SECURITY_PROTOCOL={protocol}")
        check_readable(value)
        return value

    @field_validator("kafka_ssl_ca_file")
    @classmethod
    def _holds_authorities(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
            except ssl.SSLError:
                raise ValueError("holds no certificate in PEM") from None
        return value

    @field_validator("kafka_ssl_key_file")
    @classmethod
    def _is_of_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if "kafka_ssl_certificate_file" not in info.data:
            return value  # it has been refused itself
        certificate = info.data["kafka_ssl_certificate_file"]
        if certificate is None and value is not None:
            raise ValueError("is used with KAFKA_SSL_CERTIFICATE_FILE only")
        if certificate is not None:
            try:
                # A key with a passphrase would otherwise ask the terminal for it.
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, value, password=str)
            except ssl.SSLError:
                raise ValueError(
                    "must hold the key of KAFKA_SSL_CERTIFICATE_FILE, both in PEM and without a passphrase"
                ) from None
        return value


class KafkaConsumerSettings(KafkaSettings):
    """A Kafka consumer's connection. Group, topic and offset policy are the program's, not the operator's."""

    kafka_client_id: str = "servicekit"
    consumer_max_poll_records: Annotated[int, Field(ge=1, le=100_000)] = 500
    consumer_session_timeout_ms: Annotated[int, Field(ge=6_000)] = 10_000
    consumer_stuck_after_seconds: Annotated[float, Field(gt=0)] = 60.0
    """How long a record may wait before readiness fails and names it."""
