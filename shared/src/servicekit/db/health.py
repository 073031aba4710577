"""Can the database be used now?"""

from collections.abc import Callable

from sqlalchemy import Engine, text


def database_check(engine: Engine) -> Callable[[], None]:
    """A readiness check that raises what the database raises."""

    def check() -> None:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    return check
