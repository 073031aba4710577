"""The database as an operator's command uses it."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine


@contextmanager
def operated_engine(settings: DatabaseSettings, process: str) -> Iterator[Engine]:
    """An engine for one command. Where the database can't be used, one line says why, with exit status 1."""
    engine = create_engine(settings, process)
    try:
        yield engine
    except SQLAlchemyError as error:
        # Only what the driver says: SQLAlchemy adds the statement. A silent database has no driver's error.
        said = str(error.orig if isinstance(error, DBAPIError) else error).strip()
        raise click.ClickException(said.partition("\n")[0] or type(error).__name__) from error
    finally:
        engine.dispose()
