"""What each process reads of its environment. The only module that does."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from servicekit.config import (
    AdminSettings,
    DatabaseSettings,
    HttpSettings,
    HttpTimeouts,
    KafkaConsumerSettings,
    OutboxMigrationSettings,
    Port,
    ProcessSettings,
)


class ApiSettings(HttpSettings, DatabaseSettings, ProcessSettings):
    """``coupon-service api``."""

    http_port: Port = 8001


class WorkerSettings(AdminSettings, KafkaConsumerSettings, DatabaseSettings, ProcessSettings):
    """``coupon-service worker``."""

    kafka_client_id: str = "coupon-worker"
    # A fetch brings about so many of a partition, which become one transaction of 0.2 s.
    consumer_max_poll_records: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    # Each of three topics' transaction, retention's, two that measure, and what /readyz asks.
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 7
    # No client repeats a request for a day.
    idempotency_key_retention_hours: Annotated[int, Field(ge=24, le=1_000_000)] = 168
    # A dead letter, which topics keep for 30 days, may be replayed: its request must still be known.
    request_retention_hours: Annotated[int, Field(ge=720, le=1_000_000)] = 8_760
    # An event can come again while the outbox can send it again, and the topic then keeps it: 7 days each.
    inbox_retention_hours: Annotated[int, Field(ge=336, le=1_000_000)] = 720
    # An order may hold a coupon for two years, and what it did with it must be known when it asks again.
    history_retention_hours: Annotated[int, Field(ge=17_520, le=1_000_000)] = 43_800

    @model_validator(mode="after")
    def _replies_outlast_keys(self) -> Self:
        if self.request_retention_hours < self.idempotency_key_retention_hours:
            # A repeated key answers with the address of its request.
            message = "REQUEST_RETENTION_HOURS must be at least IDEMPOTENCY_KEY_RETENTION_HOURS"
            raise ValueError(message)
        return self


class WatchSettings(HttpTimeouts, DatabaseSettings, ProcessSettings):
    """``coupon-service watch``."""

    http_host: str = "127.0.0.1"
    http_port: Port = 8005
    # The refresh, and what /readyz asks.
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 2
    # Each takes a file descriptor and about 7 kB.
    max_watchers: Annotated[int, Field(ge=1, le=1_000_000)] = 12_000
    # The longest that a decision waits before it is read and sent. A stop waits for it too, and a new stream,
    # which is answered 503 after 5 s.
    refresh_ms: Annotated[int, Field(ge=10, le=2_000)] = 100


class DeadLettersSettings(KafkaConsumerSettings, DatabaseSettings, ProcessSettings):
    """``coupon-service dead-letters``."""

    kafka_client_id: str = "coupon-worker"
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 3


class DifferencesSettings(DatabaseSettings, ProcessSettings):
    """``coupon-service differences``."""

    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 2


class ReconcileSettings(KafkaConsumerSettings, DatabaseSettings, ProcessSettings):
    """``coupon-service reconcile``."""

    kafka_client_id: str = "coupon-worker"
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 3


class MigrationSettings(OutboxMigrationSettings):
    """``coupon-service migrate``."""
