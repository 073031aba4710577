"""What the relay reads from its environment."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

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


class RelaySettings(KafkaSettings, SourcesSettings):
    """Everything that can be told to ``outbox-relay run``."""

    http_host: str = "127.0.0.1"
    http_port: Port = 8004
    kafka_client_id: Annotated[str, Field(min_length=1)] = "outbox-relay"
    page_events: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    page_bytes: Annotated[int, Field(ge=1_024)] = 4 * 1024 * 1024
    """Two pages at most are in memory; a page ends with the event that reaches this."""
    event_max_bytes: Annotated[int, Field(ge=1_024)] = 1024 * 1024
    """A larger event becomes a dead letter; Kafka's ``message.max.bytes`` decides below it."""
    poll_interval_ms: Annotated[int, Field(ge=1, le=60_000)] = 200
    """How often an outbox is looked at that has been idle for long."""
    poll_interval_busy_ms: Annotated[int, Field(ge=1, le=60_000)] = 2
    """How often while events come in."""
    publish_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    missing_topic_grace_seconds: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    """How long a topic must be missing until its events become dead letters."""
    leadership_timeout_ms: Annotated[int, Field(ge=2_000, le=60_000)] = 4_000
    """How long a leader may be silent before PostgreSQL takes its locks away."""
    retention_hours: Annotated[float, Field(gt=0)] = 168.0
    """How long published events are kept, at least."""
    partition_positions: Annotated[int, Field(ge=1_000, le=1_000_000_000)] = 1_000_000
    """Events in a partition of the outbox, at most; a zone has room for a thousand of the largest."""
    partitions_ahead: Annotated[int, Field(ge=1, le=100)] = 2
    partition_max_age_hours: Annotated[float, Field(gt=0)] = 24.0
    """After how long the next partition is begun, however few events the present one has."""
    maintenance_interval_seconds: Annotated[float, Field(gt=0)] = 30.0


class TopicsSettings(KafkaSettings, ProcessSettings):
    """What is told to ``outbox-relay topics``."""

    topics_environment: Annotated[str, Field(min_length=1)] = "development"
    """Whose replication factor of the file is taken."""
