"""How commands tell what is wrong: one line, and an exit status that says whose fault it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import click
from sqlalchemy import Engine

from outbox_relay.config import SourceSettings, SourcesSettings
from outbox_relay.protocol.errors import RelayError


class BadInput(click.ClickException):
    """What was typed can't be meant."""

    exit_code: ClassVar[int] = 2


class OneLineGroup(click.Group):
    """Commands whose misuse is told in one line, without the usage."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise BadInput(error.format_message().replace("\n", " ")) from error


def find_source(settings: SourcesSettings, name: str) -> SourceSettings:
    """Raises :class:`BadInput` for a name that the environment doesn't have."""
    if name not in settings.sources:
        raise BadInput(f"there is no source {name!r}; there are: {', '.join(sorted(settings.sources))}")
    return settings.sources[name]


@contextmanager
def disposing(engine: Engine) -> Iterator[Engine]:
    """The engine, closed at the end; what can't be done with its database is told."""
    try:
        yield engine
    except RelayError as error:
        raise click.ClickException(str(error)) from error
    finally:
        engine.dispose()
