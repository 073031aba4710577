"""The demo's settings. The only module that reads the environment."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from devstack.repository import ROOT
from shop_demo.errors import BadInput


class _SummarySettings(BaseSettings):
    """Read first: the former summary is removed whatever is wrong with the other settings."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    summary: Path = ROOT / "build" / "demo" / "summary.json"


class DemoSettings(_SummarySettings):
    """Read from variables of the same names in capitals; an empty one counts as unset."""

    orders: str = "generator"
    users: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    stock: Annotated[int, Field(ge=1, le=10_000_000)] = 300
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 1
    limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    patience_seconds: Annotated[float, Field(gt=0, le=3_600)] = 90
    """The demo gives up after repeating a request, or waiting without progress, for so long."""


def summary_path(option: Path | None) -> Path:
    return _SummarySettings().summary if option is None else option


def picture_path(summary: Path) -> Path:
    return summary.with_name("drop.svg")


def load_settings(**options: Any) -> DemoSettings:
    """The settings, options before variables; one BadInput names every wrong one."""
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return DemoSettings(**given)
    except ValidationError as error:
        faults = "; ".join(
            f"{str(fault['loc'][0]).upper()}={fault['input']}: {fault['msg']}" for fault in error.errors()
        )
        raise BadInput(faults) from error
