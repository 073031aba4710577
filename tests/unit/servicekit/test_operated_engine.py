"""A command says in one line why the database can't be used."""

import click
import pytest
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from servicekit.config import DatabaseSettings
from servicekit.db.breaker import DatabaseSilent
from servicekit.db.operated_engine import operated_engine


class DriverError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OperationalError("SELECT 1", {}, DriverError("refused\n\tis it running?")), "refused"),
        (OperationalError("SELECT 1", {}, DriverError()), "OperationalError"),
        (DatabaseSilent("the database has not answered for 3 s"), "the database has not answered for 3 s"),
    ],
)
def test_only_what_the_driver_says_is_said(error: SQLAlchemyError, said: str) -> None:
    settings = DatabaseSettings(database_url="postgresql://127.0.0.1:1/shop")
    with pytest.raises(click.ClickException) as shown, operated_engine(settings, "test"):
        raise error
    assert (shown.value.message, shown.value.exit_code) == (said, 1)
