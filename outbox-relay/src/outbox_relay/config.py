"""What the relay reads from its environment."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

from outbox_relay.postgresql.database import SourceDatabase
from servicekit.config import DatabaseUrl, KafkaSettings, Port, ProcessSettings


class SourceSettings(BaseModel):
    """A database with an outbox; the variables are ``SOURCES__<NAME>__<FIELD>``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database_url: DatabaseUrl
    database_schema: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] = "public"


class SourcesSettings(ProcessSettings):
    """The sources, for commands that don't need Kafka."""

    model_config = SettingsConfigDict(env_nested_delimiter="__", hide_input_in_errors=True)

    sources: Annotated[dict[str, SourceSettings], Field(min_length=1)]
    database_connect_timeout_seconds: Annotated[int, Field(ge=2, le=60)] = 3
    database_statement_timeout_ms: Annotated[int, Field(ge=1_000)] = 30_000

    def databases(self) -> dict[str, SourceDatabase]:
        """The database of each source by its name."""
        return {
            name: SourceDatabase(
                url=source.database_url,
                schema=source.database_schema,
                connect_timeout_seconds=self.database_connect_timeout_seconds,
                statement_timeout_ms=self.database_statement_timeout_ms,
            )
            for name, source in self.sources.items()
        }


class SourcesAndKafkaSettings(KafkaSettings, SourcesSettings):
    """The sources, for commands that ask Kafka which topics it has now."""

    kafka_client_id: Annotated[str, Field(min_length=1)] = "outbox-relay"


class RelaySettings(SourcesAndKafkaSettings):
    """The settings of ``outbox-relay run``."""

    http_host: str = "127.0.0.1"
    http_port: Port = 8004
    page_events: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    page_bytes: Annotated[int, Field(ge=1_024)] = 4 * 1024 * 1024
    """A page ends with the event that reaches this; at most two pages are in memory."""
    event_max_bytes: Annotated[int, Field(ge=1_024)] = 1024 * 1024
    """A larger event becomes a dead letter; Kafka's ``message.max.bytes`` decides below it."""
    poll_interval_ms: Annotated[int, Field(ge=1, le=60_000)] = 200
    """The pause between polls of an outbox that has long been idle."""
    poll_interval_busy_ms: Annotated[int, Field(ge=1, le=60_000)] = 2
    """The pause while events come in."""
    publish_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    missing_topic_grace_seconds: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    """How long a topic must be missing or closed to the relay until its events become dead letters."""
    leadership_timeout_ms: Annotated[int, Field(ge=2_000, le=60_000)] = 4_000
    """How long a leader may be silent before PostgreSQL frees its locks."""
    retention_hours: Annotated[float, Field(gt=0)] = 168.0
    """How long published events are kept at least."""
    partition_positions: Annotated[int, Field(ge=1_000, le=1_000_000_000)] = 1_000_000
    """The most events in a partition; a zone has room for a thousand partitions of the largest size."""
    partitions_ahead: Annotated[int, Field(ge=1, le=100)] = 2
    partition_max_age_hours: Annotated[float, Field(gt=0)] = 24.0
    """The age at which a partition is followed by the next one, however few events it has."""
    maintenance_interval_seconds: Annotated[float, Field(gt=0)] = 30.0


class TopicsSettings(KafkaSettings, ProcessSettings):
    """The settings of ``outbox-relay topics``."""

    topics_environment: Annotated[str, Field(min_length=1)] = "development"
    """Selects a replication factor of the file."""
