"""Can the database be used now?"""

from collections.abc import Callable

from sqlalchemy import Engine, Table, exists, func, select

from servicekit.db.schema import ServiceSchema
from servicekit.db.schema_check import check_schema


class ReadOnlyDatabase(Exception):
    """The database is read-only, or a standby: nothing can be stored."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def database_check(
    engine: Engine, schema: ServiceSchema, table: Table, *, writes: bool = True
) -> Callable[[], None]:
    """A readiness check that raises what the database raises, also where it has no ``table`` yet.

    It raises :class:`servicekit.db.schema.SchemaRefused` until the service's schema suits once: a process may
    have started while its database was away. A process that ``writes`` isn't ready while it can't:
    :class:`ReadOnlyDatabase`.
    """
    statement = select(func.current_setting("transaction_read_only"), exists().select_from(table))
    suits = False

    def check() -> None:
        nonlocal suits
        with engine.connect() as connection:
            if not suits:
                check_schema(connection, schema)
                suits = True
            read_only, _ = connection.execute(statement).one()
        if writes and read_only == "on":
            raise ReadOnlyDatabase

    return check
