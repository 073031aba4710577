"""Settings from the environment: typed, named with their units, and refused all at once.

A service composes its settings class from these mix-ins and adds its own fields::

    class WorkerSettings(ConsumerSettings, DatabaseSettings, ProcessSettings):
        ...

    settings = load_settings(WorkerSettings)
"""

import os
import re
import ssl
import sys
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    HttpUrl,
    PostgresDsn,
    SecretStr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

Port = Annotated[int, Field(ge=1, le=65535)]
OptionalPort = Annotated[int, Field(ge=0, le=65535)]

_postgres_dsn = TypeAdapter(PostgresDsn)
# libpq's own words.
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SSL_MODES_OF_CHANCE = ("disable", "allow", "prefer")
_SSL_FILES = {"sslrootcert", "sslcert", "sslkey", "sslcrl"}


def _check_database_url(value: str) -> str:
    url = _postgres_dsn.validate_python(value)
    if url.scheme not in {"postgresql", "postgres"}:
        raise ValueError("must begin with postgresql://")
    if len(url.hosts()) != 1:
        raise ValueError("must name one host")
    if not url.path or url.path == "/":
        raise ValueError("must name a database, as in postgresql://user:password@host:5432/database")
    _check_encryption(dict(url.query_params()))
    _check_parameters(value)
    return value


def _check_parameters(value: str) -> None:
    # Only processes with a database have its driver.
    from psycopg2 import ProgrammingError
    from psycopg2.extensions import parse_dsn

    try:
        parse_dsn(value)
    except ProgrammingError:
        # Its own words may hold the password.
        raise ValueError("has an unknown parameter or a % that begins no code of a character") from None


def _check_encryption(parameters: dict[str, str]) -> None:
    """libpq would say so only with the first connection, and again with every later one."""
    mode = parameters.get("sslmode", "prefer")
    if mode not in _SSL_MODES:
        raise ValueError(f"sslmode must be one of {', '.join(_SSL_MODES)}")
    files = sorted(_SSL_FILES & parameters.keys())
    if files and mode in _SSL_MODES_OF_CHANCE:
        raise ValueError(f"{files[0]} is of no use with sslmode={mode}: say verify-full")
    for name in files:
        if (name, parameters[name]) != ("sslrootcert", "system"):
            _check_readable(Path(parameters[name]), f"{name} ")


def _check_readable(path: Path, name: str = "") -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"{name}can't be read: {error.strerror}") from None


def _check_bootstrap_servers(value: str) -> str:
    for server in value.split(","):
        host, separator, port = server.strip().rpartition(":")
        if not separator or not host or not port.isdigit() or not 0 < int(port) <= 65535:
            raise ValueError("must be host:port, or several of them with commas between")
    return value


def _check_http_url(value: str) -> str:
    if TypeAdapter(HttpUrl).validate_python(value).host is None:
        raise ValueError("must name a host")
    return value


DatabaseUrl = Annotated[str, AfterValidator(_check_database_url)]
BootstrapServers = Annotated[str, AfterValidator(_check_bootstrap_servers)]


class ProcessSettings(BaseSettings):
    """What every process reads."""

    # An empty variable is what compose files and manifests produce for "not set".
    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, frozen=True)

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    otel_exporter_otlp_endpoint: Annotated[str, AfterValidator(_check_http_url)] | None = None
    """Base URL of an OpenTelemetry collector (OTLP over HTTP), which gets this process's spans."""


class DatabaseSettings(BaseSettings):
    """One PostgreSQL database and how patiently it is used."""

    database_url: DatabaseUrl
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 16
    database_pool_timeout_seconds: Annotated[float, Field(gt=0)] = 5.0
    database_connect_timeout_seconds: Annotated[int, Field(ge=1)] = 3
    database_statement_timeout_ms: Annotated[int, Field(ge=1)] = 30_000
    database_lock_timeout_ms: Annotated[int, Field(ge=1)] = 3_000
    """How long a statement waits for another transaction; less than a process has for stopping."""
    database_idle_in_transaction_timeout_ms: Annotated[int, Field(ge=1)] = 10_000
    """After how long PostgreSQL ends the transaction of a process that was frozen inside of it."""


class HttpSettings(BaseSettings):
    """Where an API listens and how many requests it serves at a time."""

    http_host: str = "127.0.0.1"
    http_port: Port
    http_workers: Annotated[int, Field(ge=1, le=64)] = 2
    http_threads: Annotated[int, Field(ge=1, le=256)] = 16


class AdminSettings(BaseSettings):
    """Where a process without an API of its own tells about its health; port 0 is nowhere."""

    admin_host: str = "127.0.0.1"
    admin_port: OptionalPort = 0


class KafkaSettings(BaseSettings):
    """A Kafka cluster, and how it and its clients know each other.

    What contradicts the security protocol is refused rather than ignored: whoever sets a password believes
    that it is used.
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
        _check_readable(value)
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


class ConsumerSettings(KafkaSettings):
    """A Kafka consumer's connection. Group, topic and offset policy are the program's, not the operator's."""

    kafka_client_id: str = "servicekit"
    consumer_max_poll_records: Annotated[int, Field(ge=1, le=100_000)] = 500
    consumer_session_timeout_ms: Annotated[int, Field(ge=6_000)] = 10_000


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class InvalidSettings(Exception):
    """The environment lacks variables or holds malformed ones."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        lines = [f"  {variable}: {reason}" for variable, reason in problems]
        super().__init__("\n".join(["invalid settings in the environment:", *lines]))


def read_settings(cls: type[SettingsT]) -> SettingsT:
    """Build ``cls`` from the environment.

    Raises :class:`InvalidSettings` that names every missing and every malformed variable. Values are never
    repeated in it, since some are secrets.
    """
    try:
        return cls()
    except SettingsError as error:
        # A variable that should hold JSON and doesn't, or stands where others hold its parts.
        field = re.search(r'field "(\w+)"', str(error))
        raise InvalidSettings([((field[1] if field else "?").upper(), "can't be parsed")]) from None
    except ValidationError as error:
        raise InvalidSettings(
            [
                _problem(cls, details["loc"], details["msg"], details["type"])
                for details in error.errors(include_input=False, include_url=False)
            ]
        ) from None


def load_settings(cls: type[SettingsT]) -> SettingsT:
    """Like :func:`read_settings`, for a process that starts: tells the problems on stderr, exits with 2."""
    try:
        return read_settings(cls)
    except InvalidSettings as error:
        print(error, file=sys.stderr)  # noqa: T201 - logging is configured from these very settings
        raise SystemExit(2) from None


def _problem(
    cls: type[BaseSettings], location: tuple[int | str, ...], message: str, kind: str
) -> tuple[str, str]:
    delimiter = cls.model_config.get("env_nested_delimiter") or "__"
    prefix = cls.model_config.get("env_prefix") or ""
    variable = (prefix + delimiter.join(str(part) for part in location)).upper()
    if kind == "missing":
        return variable, "is missing" if variable not in os.environ else "is empty"
    return variable, message.removeprefix("Value error, ")


def prometheus_multiprocess_directory() -> str | None:
    """Where the workers of one gunicorn share their metrics; None in a process that is alone."""
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR")


def environment_with(variables: dict[str, str]) -> dict[str, str]:
    """This process's environment and ``variables``, for a program that replaces it."""
    return {**os.environ, **variables}
