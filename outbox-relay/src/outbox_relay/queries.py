"""The statements in ``sql/``, each of them in a file with its reasons."""

from functools import cache
from importlib import resources

from sqlalchemy import TextClause, text


@cache
def query(name: str) -> TextClause:
    """The statement in ``sql/<name>.sql``."""
    return text(resources.files("outbox_relay").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8"))
