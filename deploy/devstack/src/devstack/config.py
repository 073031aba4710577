"""The only module that reads the environment."""

import os
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from devstack.errors import UsageError
from devstack.ports import Port, port_variables
from devstack.repository import ROOT
from devstack.services import DATABASE_OWNERS
from servicekit.config import KafkaSettings

_PASSED_ON = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip

_KAFKA_SECURITY = tuple(
    field.upper() for field in KafkaSettings.model_fields if field != "kafka_bootstrap_servers"
)

_OF_THE_ENGINE = re.compile(r"(DOCKER|BUILDKIT|BUILDX)_\w+")
# Nothing that names a server or an outside party: those of this machine's user may be in production.
_OF_CONTAINERS = re.compile(
    r"\w+_(IMAGE|MEMORY|CPUS|APIS)|OUTBOX_RELAYS|NOTIFICATION_CONSUMERS|KAFKA_HEAP_OPTS"
    r"|POSTGRES_(USER_ID|MAX_CONNECTIONS)|((COUPON|ORDER|NOTIFICATION|OUTBOX_RELAY)_DATABASE|POSTGRES)_PASSWORD"
    r"|HTTP_(WORKERS|THREADS)|DATABASE_POOL_SIZE|LOG_LEVEL|REVISION"
)


class Settings(BaseSettings):
    """What the environment says of the stack: DEVSTACK_DIRECTORY, _PORTS and _FSYNC, and OFFLINE_IMAGES."""

    model_config = SettingsConfigDict(env_prefix="DEVSTACK_", env_ignore_empty=True, frozen=True)

    directory: Path = ROOT / "build" / "devstack"
    ports: Literal["default", "free"] = "default"
    fsync: bool = True
    offline_images: bool = Field(default=False, validation_alias="OFFLINE_IMAGES")
    """Containers only: build stand-ins for the public base images, and use these."""


def read_settings() -> Settings:
    """Return the settings; every malformed variable is told at once."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"{_variable(str(it['loc'][0]))}: {it['msg']}" for it in error.errors()]
        raise UsageError("; ".join(wrong)) from error


def _variable(location: str) -> str:
    return location if location.isupper() else f"DEVSTACK_{location.upper()}"


def database_passwords() -> dict[str, str]:
    """Return each database's password as the compose file takes it from the environment."""
    return {
        database: os.environ.get(f"{database.upper()}_DATABASE_PASSWORD") or owner
        for database, owner in DATABASE_OWNERS.items()
    }


def read_port_changes() -> dict[str, int]:
    """Return the ports that DEVSTACK_…_PORT variables set, keyed by field."""
    changes: dict[str, int] = {}
    wrong: list[str] = []
    for field, variable in port_variables():
        if value := os.environ.get(variable):
            try:
                changes[field] = TypeAdapter(Port).validate_python(value)
            except ValidationError:
                wrong.append(f"{variable}: {value!r} is not a port")
    if wrong:
        raise UsageError("; ".join(wrong))
    return changes


def kafka_security() -> dict[str, str]:
    """Return the variables that say how an external Kafka is spoken with, as they stand."""
    return {name: value for name in _KAFKA_SECURITY if (value := os.environ.get(name))}


def base_environment() -> dict[str, str]:
    """Return what every started process may know of devstack's own environment."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def unknown_to_containers() -> list[str]:
    """Return the variables that a stack in containers may not see.

    What is left is what every process may know, the Docker client's own, and of the compose file's images,
    passwords, limits and numbers.
    """
    return [
        name
        for name in os.environ
        if name not in _PASSED_ON
        and not _OF_THE_ENGINE.fullmatch(name)
        and not _OF_CONTAINERS.fullmatch(name)
    ]


def java_home() -> Path | None:
    """Return the JAVA_HOME that the user has chosen, if any."""
    value = os.environ.get("JAVA_HOME")
    return Path(value) if value else None
