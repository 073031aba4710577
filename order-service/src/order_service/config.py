"""What each process reads of its environment. The only module that does."""

from typing import Annotated

from pydantic import Field

from order_service.payment_settings import PaymentSettings
from order_service.webhook_settings import WebhookSettings
from servicekit.config import (
    AdminSettings,
    DatabaseSettings,
    HttpSettings,
    OutboxMigrationSettings,
    Port,
    ProcessSettings,
)


class ApiSettings(WebhookSettings, PaymentSettings, HttpSettings, DatabaseSettings, ProcessSettings):
    """``order-service api``."""

    http_port: Port = 8002


class WorkerSettings(PaymentSettings, AdminSettings, DatabaseSettings, ProcessSettings):
    """``order-service worker``."""

    # One transaction at a time, one for the webhooks of each gateway, and what /readyz asks.
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 5
    # No client repeats a request for a day.
    idempotency_key_retention_hours: Annotated[int, Field(ge=24, le=1_000_000)] = 168


class RefundSettings(DatabaseSettings, ProcessSettings):
    """``order-service refunds`` and ``refunded``."""


class RefundingSettings(PaymentSettings, DatabaseSettings, ProcessSettings):
    """``order-service refund``."""


class MigrationSettings(OutboxMigrationSettings):
    """``order-service migrate``."""
