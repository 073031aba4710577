"""The templates that are registered with every provider, in SQLite."""

from dataclasses import asdict

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
        return [
            Template(**row) for row in self._database.rows("SELECT * FROM provider_template ORDER BY rowid")
        ]

    def get(self, code: str) -> Template | None:
        row = self._database.row("SELECT * FROM provider_template WHERE code = ?", (code,))
        return None if row is None else Template(**row)

    def approved(self, code: str) -> Template | None:
        """None also for one that can't be sent."""
        template = self.get(code)
        return template if template is not None and template.is_approved else None

    def put(self, template: Template) -> None:
        """Add it, or replace the one with its code."""
        self._database.put("provider_template", "code", asdict(template))

    def reset(self) -> None:
        """Back to the fixed templates."""
        with self._database.transaction():
            self._database.execute("DELETE FROM provider_template")
            for template in FIXED_TEMPLATES:
                self.put(template)
