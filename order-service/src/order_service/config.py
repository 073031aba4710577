"""What each process reads of its environment. The only module that does."""

from typing import Annotated, Literal

from pydantic import Field

from servicekit.config import (
    DatabaseSettings,
    HttpSettings,
    OutboxMigrationSettings,
    Port,
    ProcessSettings,
)

GatewayName = Literal["in-process"]


class ApiSettings(HttpSettings, DatabaseSettings, ProcessSettings):
    """``order-service api``."""

    http_port: Port = 8002
    # No default: a forgotten variable must not sell goods against the in-process gateway.
    payment_gateway: GatewayName
    payment_in_progress_seconds: Annotated[int, Field(ge=1, le=3600)] = 60


class MigrationSettings(OutboxMigrationSettings):
    """``order-service migrate``."""
