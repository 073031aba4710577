"""Settings read from the environment, and refused all at once."""

import os
import re
import sys
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class InvalidSettings(Exception):
    """The environment lacks variables or holds malformed ones."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        lines = [f"  {variable}: {reason}" for variable, reason in problems]
        super().__init__("\n".join(["invalid settings in the environment:", *lines]))


def read_settings(cls: type[SettingsT]) -> SettingsT:
    """Build ``cls`` from the environment.

    Raises :class:`InvalidSettings` that names every missing and every malformed variable. Values are never
    repeated in it, since some are secrets.
    """
    try:
        return cls()
    except SettingsError as error:
        # A variable that should hold JSON and doesn't, or stands where others hold its parts.
        field = re.search(r'field "(\w+)"', str(error))
        raise InvalidSettings([((field[1] if field else "?").upper(), "can't be parsed")]) from None
    except ValidationError as error:
        raise InvalidSettings(
            [
                _problem(cls, details["loc"], details["msg"], details["type"])
                for details in error.errors(include_input=False, include_url=False)
            ]
        ) from None


def load_settings(cls: type[SettingsT]) -> SettingsT:
    """Like :func:`read_settings`, for a process that starts: prints the problems, exits with 2."""
    try:
        return read_settings(cls)
    except InvalidSettings as error:
        print(error, file=sys.stderr)  # noqa: T201 - logging is configured from these very settings
        raise SystemExit(2) from None


def _problem(
    cls: type[BaseSettings], location: tuple[int | str, ...], message: str, kind: str
) -> tuple[str, str]:
    delimiter = cls.model_config.get("env_nested_delimiter") or "__"
    prefix = cls.model_config.get("env_prefix") or ""
    variable = (prefix + delimiter.join(str(part) for part in location)).upper()
    if kind == "missing":
        return variable, "is missing" if variable not in os.environ else "is empty"
    return variable, message.removeprefix("Value error, ")
