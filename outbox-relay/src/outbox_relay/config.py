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


class RelaySettings(KafkaSettings, ProcessSettings):
    """Everything that can be told to ``outbox-relay run``."""

    model_config = SettingsConfigDict(env_nested_delimiter="__", hide_input_in_errors=True)

    http_host: str = "127.0.0.1"
    http_port: Port = 8004
    kafka_client_id: Annotated[str, Field(min_length=1)] = "outbox-relay"
    sources: Annotated[dict[str, SourceSettings], Field(min_length=1)]
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 500
    poll_interval_ms: Annotated[int, Field(ge=1, le=60_000)] = 50
    publish_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    leadership_timeout_ms: Annotated[int, Field(ge=2_000, le=60_000)] = 5_000
    """How long a leader may be silent before PostgreSQL takes its lock away."""
    database_connect_timeout_seconds: Annotated[int, Field(ge=2, le=60)] = 3
    database_statement_timeout_ms: Annotated[int, Field(ge=1_000)] = 30_000


class TopicsSettings(KafkaSettings, ProcessSettings):
    """What is told to ``outbox-relay topics``."""

    topics_environment: Annotated[str, Field(min_length=1)] = "development"
    """Whose replication factor of the file is taken."""
