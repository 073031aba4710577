"""What each process reads of its environment. The only module that does."""

from typing import Annotated

from pydantic import Field

from servicekit.config import (
    AdminSettings,
    DatabaseSettings,
    HttpSettings,
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
    # One transaction at a time, and what /readyz asks.
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 3


class DeadLettersSettings(KafkaConsumerSettings, DatabaseSettings, ProcessSettings):
    """``coupon-service dead-letters``."""

    kafka_client_id: str = "coupon-worker"
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 3


class MigrationSettings(OutboxMigrationSettings):
    """``coupon-service migrate``."""
