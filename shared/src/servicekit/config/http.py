"""Settings of what a process serves over HTTP."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

Port = Annotated[int, Field(ge=1, le=65535)]
OptionalPort = Annotated[int, Field(ge=0, le=65535)]


class HttpTimeouts(BaseSettings):
    """How long a server waits for its clients."""

    http_request_timeout_seconds: Annotated[float, Field(gt=0)] = 10.0
    """From a request's first byte to its last, and as long again for taking the reply."""
    http_keep_alive_seconds: Annotated[float, Field(ge=0)] = 75.0
    """How long a connection stays open between two requests: longer than the balancer in front keeps it."""


class HttpSettings(HttpTimeouts):
    """Where an API listens and how many requests it serves at a time."""

    http_host: str = "127.0.0.1"
    http_port: Port
    http_workers: Annotated[int, Field(ge=1, le=64)] = 2
    http_threads: Annotated[int, Field(ge=1, le=256)] = 16


class AdminSettings(HttpTimeouts):
    """Where a process without an API of its own serves health and metrics; port 0 turns that off."""

    admin_host: str = "127.0.0.1"
    admin_port: OptionalPort = 0
