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
    # Refuses orders of other products, whose price only the client knows.
    require_catalog_products: bool = False


class WorkerSettings(PaymentSettings, AdminSettings, DatabaseSettings, ProcessSettings):
    """``order-service worker``."""

    # One transaction at a time, and what /readyz asks.
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 3
    # An order with an unsettled payment waits for it, also for a deposit of several days.
    order_expiry_minutes: Annotated[int, Field(ge=1, le=1_000_000)] = 1_440
    # No client repeats a request for a day.
    idempotency_key_retention_hours: Annotated[int, Field(ge=24, le=1_000_000)] = 168


class RefundSettings(DatabaseSettings, ProcessSettings):
    """``order-service refunds`` and ``refunded``."""


class RefundingSettings(PaymentSettings, DatabaseSettings, ProcessSettings):
    """``order-service refund``."""


class MigrationSettings(OutboxMigrationSettings):
    """``order-service migrate``."""
