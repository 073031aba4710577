"""Times as text (RFC 3339)."""

from datetime import UTC, datetime


def format_rfc3339(moment: datetime) -> str:
    """``moment`` in UTC with six digits of microseconds and ``Z``: ``2026-01-31T09:30:00.000000Z``.

    The width is fixed, so that texts sort like the times that they spell. ``moment`` must be aware.
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
