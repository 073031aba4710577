"""Arrays as text: the driver adapts a list value by value, each in Python."""

from collections.abc import Iterable
from uuid import UUID


def hex_array(ids: Iterable[UUID]) -> str:
    """What PostgreSQL reads as ``uuid[]``."""
    return f"{{{','.join([one.hex for one in ids])}}}"
