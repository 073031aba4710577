"""What the process reads of its environment. The only module that does."""

from pathlib import Path
from typing import Annotated

from pydantic import AnyHttpUrl, Field

from servicekit.config import OptionalPort, ProcessSettings


class SandboxSettings(ProcessSettings):
    """``provider-sandbox run``."""

    http_host: str = "127.0.0.1"
    http_port: OptionalPort
    http_threads: Annotated[int, Field(ge=1, le=256)] = 16
    sandbox_database_path: Path


class GatewaySettings(SandboxSettings):
    """``provider-sandbox gateway``."""

    toss_webhook_url: AnyHttpUrl | None = None
    portone_webhook_url: AnyHttpUrl | None = None
