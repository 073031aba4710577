"""A deployable's tables of variables name what its settings classes read, with their defaults."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

import coupon_service.config
import devstack.config
import notification_service.config
import order_service.config
import outbox_relay.config
import provider_sandbox.config
import shop_demo.config
from devstack.ports import Ports
from devstack.repository import ROOT
from outbox_relay.config import SourceSettings
from servicekit.config import KafkaSettings

DEPLOYABLES = {
    "coupon-service": coupon_service.config,
    "order-service": order_service.config,
    "notification-service": notification_service.config,
    "outbox-relay": outbox_relay.config,
    "deploy/sandbox": provider_sandbox.config,
}
SOURCE = "SOURCES__<NAME>__"
NAME = re.compile(r"`([A-Z][A-Z0-9_<>]+)`")
each_deployable = pytest.mark.parametrize("folder", DEPLOYABLES)


def settings_of(module: ModuleType) -> Iterator[type[BaseSettings]]:
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, BaseSettings)
            and value.__module__ == module.__name__
        ):
            yield value


def read_variables(module: ModuleType) -> dict[str, set[str]]:
    """Each variable that the module's classes read, with the defaults that it has in them."""
    found: dict[str, set[str]] = {}
    for settings in settings_of(module):
        for name, field in settings.model_fields.items():
            found.setdefault(name.upper(), set()).add(as_printed(field.default))
    if found.pop("SOURCES", None):
        for name, field in SourceSettings.model_fields.items():
            found[f"{SOURCE}{name.upper()}"] = {as_printed(field.default)}
    return found


def variables_of_tools(module: ModuleType) -> list[str]:
    """The variables of classes that have a prefix or other names for some."""
    return [
        str(field.validation_alias or f"{settings.model_config.get('env_prefix', '')}{name}".upper())
        for settings in settings_of(module)
        for name, field in settings.model_fields.items()
    ]


def as_printed(default: Any) -> str:
    if default is PydanticUndefined:
        return "required"
    return "unset" if default is None else f"{default:g}" if isinstance(default, float) else str(default)


def printed_variables(folder: Path) -> dict[str, str]:
    """Each variable in the first column of a table with the column "default"; the last default repeats."""
    found: dict[str, str] = {}
    column = None
    for line in "\n\n".join(document.read_text() for document in folder.glob("*.md")).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells and cells[0] == "variable":
            column = cells.index("default")
        elif not cells:
            column = None
        elif column is not None and (names := NAME.findall(cells[0])):
            defaults = re.sub(r" \(.*?\)", "", cells[column]).split(", ")
            defaults += defaults[-1:] * (len(names) - len(defaults))
            found.update(zip(names, defaults, strict=True))
    return found


@each_deployable
def test_table_has_every_variable_that_is_read_and_no_other(folder: str) -> None:
    printed = printed_variables(ROOT / folder)
    assert printed.keys() == read_variables(DEPLOYABLES[folder]).keys()


@each_deployable
def test_table_has_the_defaults(folder: str) -> None:
    read = read_variables(DEPLOYABLES[folder])
    printed = printed_variables(ROOT / folder)
    wrong = {name: value for name, value in printed.items() if value not in read.get(name, {value})}
    assert wrong == {}


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("shared", [name.upper() for name in KafkaSettings.model_fields]),
        ("deploy/demo", variables_of_tools(shop_demo.config)),
        (
            "deploy/devstack",
            [
                *variables_of_tools(devstack.config),
                *(f"DEVSTACK_{process.upper()}_PORT" for process in Ports.model_fields),
            ],
        ),
    ],
)
def test_readme_names_every_setting(folder: str, names: list[str]) -> None:
    text = (ROOT / folder / "README.md").read_text()
    # `DEVSTACK_COUPON_API_PORT`, `…_ORDER_API_PORT`
    endings = tuple(re.findall(r"`…?([A-Z0-9_]+)`", text))
    assert [name for name in names if not name.endswith(endings)] == []
