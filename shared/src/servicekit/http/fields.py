"""Field types, for routes."""

from servicekit.fields import MAX_INT64, JsonModel, PathInt64, PositiveInt64, Time, bounded_text

__all__ = ["MAX_INT64", "JsonModel", "PathInt64", "PositiveInt64", "Time", "bounded_text"]
