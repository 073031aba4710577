"""Somebody else's PostgreSQL and Kafka, by their addresses. Nothing of theirs is started or removed."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit

import psycopg2
from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from devstack.errors import DevstackError, UsageError
from devstack.info import KafkaInfo, Kind, PostgresqlInfo
from devstack.infrastructure import Progress
from devstack.processes import ProcessSpec
from devstack.roles import make_roles_and_databases
from devstack.services import DATABASE_OWNERS
from devstack.topics import make_topics, read_topics
from servicekit.config import KafkaSettings
from servicekit.kafka.cluster import KafkaCluster

DATA_NAME = "external"
_FILE = "servers.json"


class _GivenKafkaSettings(KafkaSettings):
    """Not from this program's environment."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


class ExternalServers(BaseModel):
    """Where they are. The URL is of an administrator, who may make roles and databases."""

    postgresql_url: str
    bootstrap_servers: str
    kafka_security: dict[str, str] = {}
    """The KAFKA_… variables that every client of the cluster is told; one of them may be a password."""

    @property
    def cluster(self) -> KafkaCluster:
        """The cluster as a client of it is told it; UsageError if the variables make no sense."""
        security: dict[str, Any] = {name.lower(): value for name, value in self.kafka_security.items()}
        try:
            settings = _GivenKafkaSettings(kafka_bootstrap_servers=self.bootstrap_servers, **security)
        except ValidationError as error:
            faults = error.errors(include_input=False, include_url=False)
            told = (
                f"{str(it['loc'][0]).upper()}: {it['msg'].removeprefix('Value error, ')}" for it in faults
            )
            raise UsageError("; ".join(told)) from None
        return KafkaCluster.of(settings)

    @classmethod
    def read(cls, data: Path) -> Self:
        """Read what `write` has remembered."""
        try:
            return cls.model_validate_json((data / _FILE).read_text())
        except FileNotFoundError:
            raise UsageError("no external servers are remembered; name them with `devstack up`") from None

    def write(self, data: Path) -> None:
        """Remember them, so that processes can be started again without naming them."""
        data.mkdir(parents=True, exist_ok=True)
        path = data / _FILE
        path.touch(mode=0o600)
        path.write_text(self.model_dump_json(indent=2))


class ExternalInfrastructure:
    """Two servers that are already there."""

    kind: Kind = "external"
    name = DATA_NAME
    listeners: Sequence[tuple[str, str]] = ()

    def __init__(self, servers: ExternalServers) -> None:
        self._servers = servers
        url = urlsplit(servers.postgresql_url)
        if url.scheme not in ("postgresql", "postgres") or not url.hostname:
            raise UsageError(
                "the URL of PostgreSQL must look like postgresql://user:password@host:5432/postgres"
            )
        self._url = url
        self._cluster = servers.cluster

    @property
    def bootstrap_servers(self) -> str:
        """As it was given."""
        return self._servers.bootstrap_servers

    def start_postgresql(self, progress: Progress) -> None:
        """Make the roles and databases that are missing."""
        progress("roles and databases")
        make_roles_and_databases(self._servers.postgresql_url)

    def start_kafka(self, progress: Progress) -> None:
        """Make the topics that are missing."""
        progress("topics")
        make_topics(self._cluster, read_topics())

    def specs(self) -> Sequence[ProcessSpec]:
        """Return nothing: no process is ours."""
        return ()

    def told(self, name: str) -> Mapping[str, str]:
        """Return nothing: no process is ours."""
        return {}

    def database_url(self, database: str, role: str) -> str:
        """Return the administrator's URL for another database and role; a role's password is its name."""
        address = self._url.netloc.rpartition("@")[2]
        netloc = f"{quote(role)}:{quote(role)}@{address}"
        return self._url._replace(netloc=netloc, path=f"/{quote(database)}").geturl()

    def kafka_info(self) -> KafkaInfo:
        """Describe the cluster; a client isn't told its version."""
        return KafkaInfo(bootstrap_servers=self.bootstrap_servers, version="unknown")

    def postgresql_info(self) -> PostgresqlInfo:
        """Describe the server."""
        databases = {name: self.database_url(name, owner) for name, owner in DATABASE_OWNERS.items()}
        return PostgresqlInfo(version=self._version(), databases=databases)

    def _version(self) -> str:
        try:
            with closing(psycopg2.connect(self._servers.postgresql_url, connect_timeout=5)) as connection:
                version = connection.get_parameter_status("server_version") or "unknown"
        except psycopg2.OperationalError as error:
            raise DevstackError(f"PostgreSQL can't be reached: {str(error).strip()}") from error
        return version.split()[0]
