"""What each process reads of its environment. The only module that does."""

from typing import Annotated

from pydantic import Field

from order_service.payment_settings import PaymentSettings
from servicekit.config import (
    AdminSettings,
    DatabaseSettings,
    HttpSettings,
    OutboxMigrationSettings,
    Port,
    ProcessSettings,
)


class ApiSettings(PaymentSettings, HttpSettings, DatabaseSettings, ProcessSettings):
    """``order-service api``."""

    http_port: Port = 8002


class WorkerSettings(PaymentSettings, AdminSettings, DatabaseSettings, ProcessSettings):
    """``order-service worker``."""

    # One transaction of each thread at a time, and what /readyz asks.
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 4
    # No client repeats a request for a day.
    idempotency_key_retention_hours: Annotated[int, Field(ge=24, le=1_000_000)] = 168


class ListingSettings(DatabaseSettings, ProcessSettings):
    """``order-service payments``, where no gateway is asked."""


class OperatingSettings(PaymentSettings, DatabaseSettings, ProcessSettings):
    """``order-service payments look-up`` and ``refund``."""


class MigrationSettings(OutboxMigrationSettings):
    """``order-service migrate``."""
