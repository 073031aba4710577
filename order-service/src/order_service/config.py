"""What each process reads of its environment. The only module that does."""

from typing import Annotated, Literal

from pydantic import Field

from servicekit.config import DatabaseSettings, DatabaseUrl, HttpSettings, ProcessSettings

GatewayName = Literal["in-process"]


class ApiSettings(HttpSettings, DatabaseSettings, ProcessSettings):
    """``order-service api``."""

    http_port: Annotated[int, Field(ge=1, le=65535)] = 8002
    # No default: nobody should sell goods against the in-process gateway by having forgotten a variable.
    payment_gateway: GatewayName
    payment_in_progress_seconds: Annotated[int, Field(ge=1, le=3600)] = 60


class MigrationSettings(ProcessSettings):
    """``order-service migrate``."""

    database_url: DatabaseUrl
    outbox_relay_role: Annotated[str, Field(min_length=1, max_length=63)] = "outbox_relay"
