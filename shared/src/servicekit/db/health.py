"""Can the database be used now?"""

from collections.abc import Callable

from sqlalchemy import Engine, Table, literal, select

from servicekit.db.schema import ServiceSchema
from servicekit.db.schema_check import check_schema


def database_check(engine: Engine, schema: ServiceSchema, table: Table) -> Callable[[], None]:
    """A readiness check that raises what the database raises, also where it has no ``table`` yet.

    It raises :class:`servicekit.db.schema.SchemaRefused` until the service's schema suits once: a process may
    have started while its database was away.
    """
    statement = select(literal(1)).select_from(table).limit(1)
    suits = False

    def check() -> None:
        nonlocal suits
        with engine.connect() as connection:
            if not suits:
                check_schema(connection, schema)
                suits = True
            connection.execute(statement)

    return check
