"""Errors of commands: one line, and exit status 2 for wrong input, 1 for a failure."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import click
from sqlalchemy import Engine

from outbox_relay.config import SourcesSettings
from outbox_relay.postgresql.database import SourceDatabase
from outbox_relay.protocol.errors import RelayError


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


def find_database(settings: SourcesSettings, name: str) -> SourceDatabase:
    """Raises :class:`BadInput` for a source that the environment doesn't have."""
    if name not in settings.sources:
        known = ", ".join(sorted(settings.sources))
        raise BadInput(f"there is no source {name!r}; the environment has: {known}")
    return settings.databases()[name]


@contextmanager
def disposing(engine: Engine) -> Iterator[Engine]:
    """Dispose of the engine at the end, and report what its database can't do."""
    try:
        yield engine
    except RelayError as error:
        raise click.ClickException(str(error)) from error
    finally:
        engine.dispose()
