"""What each process reads of its environment. The only module that does."""

from typing import Annotated

from pydantic import Field

from servicekit.config import (
    AdminSettings,
    KafkaConsumerSettings,
    DatabaseSettings,
    HttpSettings,
    Port,
    ProcessSettings,
)


class ApiSettings(HttpSettings, DatabaseSettings, ProcessSettings):
    """The API."""

    http_port: Port = 8001


class WorkerSettings(AdminSettings, KafkaConsumerSettings, DatabaseSettings, ProcessSettings):
    """The worker, which decides requests."""

    kafka_client_id: str = "coupon-worker"
    # One transaction at a time, and what /readyz asks.
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 3


class MigrationSettings(DatabaseSettings, ProcessSettings):
    """``coupon-service migrate``."""

    outbox_relay_role: Annotated[str, Field(min_length=1, max_length=63)] = "outbox_relay"
