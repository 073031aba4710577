"""Settings that every process reads."""

from typing import Annotated, Literal

from pydantic import AfterValidator, HttpUrl, TypeAdapter
from pydantic_settings import BaseSettings, SettingsConfigDict

_http_url = TypeAdapter(HttpUrl)


def _check_http_url(value: str) -> str:
    if _http_url.validate_python(value).host is None:
        raise ValueError("must name a host")
    return value


HttpUrlText = Annotated[str, AfterValidator(_check_http_url)]
"""An http:// or https:// URL, kept as it was written."""


class ProcessSettings(BaseSettings):
    """What every process reads."""

    # An empty variable is what compose files and manifests produce for "not set".
    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, frozen=True)

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    otel_exporter_otlp_endpoint: HttpUrlText | None = None
    """Base URL of an OpenTelemetry collector (OTLP over HTTP), which gets this process's spans."""
