"""Times as Korean providers write them: without an offset, and always in Seoul's."""

from datetime import UTC, datetime, timedelta, timezone

SEOUL = timezone(timedelta(hours=9))


def in_seoul(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, SEOUL)


def written(epoch: float | None, pattern: str) -> str | None:
    """None stays None: it has not happened yet."""
    return None if epoch is None else in_seoul(epoch).strftime(pattern)


def read(text: str, pattern: str) -> float:
    """Raises ValueError if ``text`` isn't written like ``pattern``."""
    return datetime.strptime(text, pattern).replace(tzinfo=SEOUL).timestamp()


def in_utc(epoch: float | None) -> str | None:
    """With milliseconds and ``Z``, as JavaScript writes it."""
    if epoch is None:
        return None
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
