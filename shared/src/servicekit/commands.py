"""Command lines that report wrong input in one line, with exit status 2."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, ClassVar

import click
from pydantic import TypeAdapter, ValidationError

from servicekit.fields import Operator, Reason


class BadInput(click.ClickException):
    """The arguments are wrong."""

    exit_code: ClassVar[int] = 2


class OneLineGroup(click.Group):
    """Commands that report wrong arguments in one line, without the usage.

    They may be imported when they are used: a process starts without what only others need. ``elsewhere`` has
    the module and the attribute of each: ``{"list": "package.module:list_all"}``.
    """

    def __init__(
        self, *arguments: Any, elsewhere: Mapping[str, str] = MappingProxyType({}), **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._elsewhere = elsewhere

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self._elsewhere])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._elsewhere:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._elsewhere[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise BadInput(error.format_message().replace("\n", " ")) from error


class Text(click.ParamType[str]):
    """Text that passes the checks of an annotated type."""

    name = "text"

    def __init__(self, annotated: Any) -> None:
        self._adapter: TypeAdapter[str] = TypeAdapter(annotated)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            return self.fail(error.errors()[0]["msg"].removeprefix("Value error, "), param, ctx)


OPERATOR = Text(Operator)
REASON = Text(Reason)
