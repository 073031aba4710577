"""What a migration's building blocks need of Alembic's ``op``.

``op`` is a module that stands for the migration under way; a protocol describes it and the class behind it.
"""

from typing import Any, Protocol

from sqlalchemy import Connection


class MigrationOperations(Protocol):
    def execute(self, sqltext: Any, *, execution_options: dict[str, Any] | None = None) -> None: ...

    def get_bind(self) -> Connection: ...

    def drop_table(self, table_name: str, *, schema: str | None = None) -> Any: ...
