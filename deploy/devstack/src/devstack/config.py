"""The only module that reads the environment."""

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from devstack.errors import UsageError, validation_faults
from devstack.ports import Port, Ports, variable
from devstack.repository import ROOT
from devstack.roles import DATABASE_OWNERS
from servicekit.config import BootstrapServers, DatabaseUrl, KafkaSettings

_PASSED_ON = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "JAVA_TOOL_OPTIONS",
)  # fmt: skip
_KAFKA_SECURITY = [name.upper() for name in KafkaSettings.model_fields if name != "kafka_bootstrap_servers"]
# Nothing that names a server or an external service: those of this machine's user may be in production.
_SEEN_BY_COMPOSE = re.compile(
    r"(DOCKER|BUILDKIT|BUILDX)_\w+|\w+_(IMAGE|MEMORY|CPUS|APIS)|OUTBOX_RELAYS|NOTIFICATION_CONSUMERS"
    r"|POSTGRES_(USER_ID|MAX_CONNECTIONS)|((COUPON|ORDER|NOTIFICATION|OUTBOX_RELAY)_DATABASE|POSTGRES)_PASSWORD"
    r"|KAFKA_HEAP_OPTS|HTTP_(WORKERS|THREADS)|DATABASE_POOL_SIZE|LOG_LEVEL|REVISION"
)


class Settings(BaseSettings):
    """Read from DEVSTACK_… and from the variables that `make` passes on; an empty one counts as unset."""

    model_config = SettingsConfigDict(
        env_prefix="DEVSTACK_", env_ignore_empty=True, frozen=True, populate_by_name=True
    )

    directory: Path = ROOT / "build" / "devstack"
    ports: Literal["default", "free"] = "default"
    stack: Literal["embedded", "external", "compose"] | None = Field(None, validation_alias="STACK")
    kafka: str | None = Field(None, validation_alias="KAFKA")
    providers: Literal["solapi,nhn", "sandbox"] = Field("solapi,nhn", validation_alias="PROVIDERS")
    gateway: Literal["in-process", "toss", "portone"] | None = Field(None, validation_alias="GATEWAY")
    offline_images: bool = Field(default=False, validation_alias="OFFLINE_IMAGES")
    external_postgresql_url: DatabaseUrl | None = Field(
        None, validation_alias="EXTERNAL_POSTGRESQL_URL", repr=False
    )
    external_kafka_bootstrap_servers: BootstrapServers | None = Field(
        None, validation_alias="EXTERNAL_KAFKA_BOOTSTRAP_SERVERS"
    )


def read_settings() -> Settings:
    """Return the settings; UsageError names every malformed variable."""
    try:
        return Settings()
    except ValidationError as error:
        raise UsageError(validation_faults(error, "DEVSTACK_")) from None


def chosen_ports() -> dict[str, int]:
    """Return the ports that DEVSTACK_…_PORT variables set, keyed by variable."""
    given = {name: port for name in map(variable, Ports.model_fields) if (port := os.environ.get(name))}
    try:
        return TypeAdapter(dict[str, Port]).validate_python(given)
    except ValidationError as error:
        raise UsageError(validation_faults(error)) from None


def database_passwords() -> dict[str, str]:
    """Return each database's password as the compose file takes it from the environment."""
    return {
        database: os.environ.get(f"{database.upper()}_DATABASE_PASSWORD") or owner
        for database, owner in DATABASE_OWNERS.items()
    }


def kafka_security() -> dict[str, str]:
    """Return the variables that say how clients reach an external Kafka, as they stand."""
    return {name: value for name in _KAFKA_SECURITY if (value := os.environ.get(name))}


def base_environment() -> dict[str, str]:
    """Return the part of devstack's own environment that every started process gets."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed_on, "PYTHONUNBUFFERED": "1"}


def hidden_from_containers() -> list[str]:
    """Return the variables that Compose must not see.

    It sees what every process gets, the Docker client's variables, and the compose file's images, passwords,
    limits and numbers.
    """
    return [name for name in os.environ if name not in _PASSED_ON and not _SEEN_BY_COMPOSE.fullmatch(name)]


def java_home() -> Path | None:
    return Path(home) if (home := os.environ.get("JAVA_HOME")) else None
