"""PgBouncer, or another pooler, between us and PostgreSQL: which settings reach a session at all."""

from collections.abc import Mapping

from sqlalchemy import Connection, Engine, event, text

_MARK = "servicekit.session"


class SettingsDropped(Exception):
    """A connection pooler keeps our time limits from PostgreSQL."""

    def __init__(self) -> None:
        super().__init__(
            "a connection pooler keeps time limits and other settings from the database:"
            " set DATABASE_POOLING=transaction, or connect directly (migrations and the relay have to)"
        )


def startup_options(settings: Mapping[str, object]) -> str:
    """libpq's ``options`` that make these settings for a whole session, and mark it."""
    marked = {**settings, _MARK: "on"}
    return " ".join(f"-c {name}={value}" for name, value in marked.items())


def set_in_each_transaction(engine: Engine, settings: Mapping[str, object]) -> None:
    """Begin each transaction with one statement that makes these settings for it alone."""
    made = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    statement = f"SELECT {made}"

    @event.listens_for(engine, "begin")
    def limit(connection: Connection) -> None:
        connection.exec_driver_sql(statement)


def check_settings_arrive(connection: Connection) -> None:
    """Raises :class:`SettingsDropped` if this isn't the session that our options asked for.

    Poolers ignore them when configured to, as by PgBouncer's ``ignore_startup_parameters = options``.
    """
    if connection.scalar(text("SELECT current_setting(:name, true)"), {"name": _MARK}) != "on":
        raise SettingsDropped


def refuses_settings(error: Exception) -> bool:
    """Whether a failed connect is PgBouncer's answer to options, unless it is configured to ignore them."""
    return "unsupported startup parameter" in str(error)
