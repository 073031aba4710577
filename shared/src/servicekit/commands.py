"""Command lines that report wrong input in one line, with exit status 2."""

from typing import Any, ClassVar

import click
from pydantic import TypeAdapter, ValidationError

from servicekit.fields import Operator, Reason


class BadInput(click.ClickException):
    """The arguments are wrong."""

    exit_code: ClassVar[int] = 2


class OneLineGroup(click.Group):
    """Commands that report wrong arguments in one line, without the usage."""

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
