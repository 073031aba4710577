"""The templates that are registered with every provider, in SQLite."""

from provider_sandbox.database import Database
from provider_sandbox.providers.templates import FIXED_TEMPLATES, Template

_SCHEMA = """
CREATE TABLE IF NOT EXISTS provider_template (
    code    TEXT PRIMARY KEY,
    content TEXT NOT NULL,
    status  TEXT NOT NULL
);
"""


class TemplateRecord:
    """Begins with the fixed templates; changes survive a restart."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)
        if not self.all():
            self.reset()

    def all(self) -> list[Template]:
        with self._database.transaction() as connection:
            rows = connection.execute("SELECT * FROM provider_template ORDER BY rowid").fetchall()
        return [Template(**dict(row)) for row in rows]

    def get(self, code: str) -> Template | None:
        with self._database.transaction() as connection:
            row = connection.execute("SELECT * FROM provider_template WHERE code = ?", (code,)).fetchone()
        return None if row is None else Template(**dict(row))

    def put(self, template: Template) -> None:
        """Add it, or replace the one with its code."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO provider_template (code, content, status) VALUES (?, ?, ?) ON CONFLICT (code)"
                " DO UPDATE SET content = excluded.content, status = excluded.status",
                (template.code, template.content, template.status),
            )

    def reset(self) -> None:
        """Back to the fixed templates."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM provider_template")
            for template in FIXED_TEMPLATES:
                self.put(template)
