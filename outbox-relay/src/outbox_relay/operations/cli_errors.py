"""Errors of commands: exit status 2 for a source that isn't there, 1 for a failure."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import Engine

from outbox_relay.config import SourcesSettings
from outbox_relay.postgresql.database import SourceDatabase
from outbox_relay.protocol.errors import RelayError
from servicekit.commands import BadInput


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
