"""Can the database be used now?"""

from collections.abc import Callable

from sqlalchemy import Engine, Table, literal, select


def database_check(engine: Engine, table: Table) -> Callable[[], None]:
    """A readiness check that raises what the database raises, also where it has no ``table`` yet."""
    statement = select(literal(1)).select_from(table).limit(1)

    def check() -> None:
        with engine.connect() as connection:
            connection.execute(statement)

    return check
