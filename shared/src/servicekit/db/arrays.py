"""Arrays as text: the driver adapts a list value by value, each in Python."""

from collections.abc import Iterable
from uuid import UUID


def hex_array(ids: Iterable[UUID]) -> str:
    """What PostgreSQL reads as ``uuid[]``."""
    return f"{{{','.join([one.hex for one in ids])}}}"


def optional_array(values: Iterable[float | None]) -> str:
    """What PostgreSQL reads as an array of numbers or of booleans; None is NULL."""
    return f"{{{','.join(['NULL' if value is None else str(value) for value in values])}}}"
