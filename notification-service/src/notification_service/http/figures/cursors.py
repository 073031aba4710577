"""Where a page ended, as clients pass it back: to them it is a word without a meaning."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

from notification_service.domain.errors import UnknownPage
from notification_service.domain.figures import FigureKind, Key
from servicekit.fields import MAX_INT64

_Part = date | datetime | str | int
_Reader = Callable[[object], _Part]


def _day(written: object) -> date:
    return date.fromisoformat(_text(written))


def _time(written: object) -> datetime:
    moment = datetime.fromisoformat(_text(written))
    if moment.tzinfo is None:
        raise ValueError("without an offset")
    # PostgreSQL knows no offsets of 16 hours and more.
    return moment.astimezone(UTC)


def _text(written: object) -> str:
    if not isinstance(written, str) or "\x00" in written:
        raise TypeError("no text")
    # Half of a surrogate pair is no text for PostgreSQL, either; this raises a ValueError.
    written.encode()
    return written


def _number(written: object) -> int:
    # JSON's true is a bool, which Python takes for an int, and PostgreSQL doesn't.
    if not isinstance(written, int) or isinstance(written, bool) or not 0 <= written <= MAX_INT64:
        raise TypeError("no number")
    return written


_KEYS: Mapping[FigureKind, tuple[_Reader, ...]] = {
    FigureKind.DAYS: (_day, _text),
    FigureKind.HOURS: (_time, _text),
    FigureKind.PRODUCTS: (_day, _text, _text),
    FigureKind.BASKETS: (_day, _text, _number),
    FigureKind.CUSTOMERS: (_day,),
    FigureKind.DELAYS: (_time, _text, _number),
}


def cursor_of(key: Key) -> str:
    """The word for a key."""
    parts = [part.isoformat() if isinstance(part, date) else part for part in key]
    return base64.urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode()).decode().rstrip("=")


def key_of(kind: FigureKind, cursor: str) -> Key:
    """The key behind a word. Raises UnknownPage for one that :func:`cursor_of` can't have made."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(parts, list):
            raise TypeError("no list")  # noqa: TRY301 - like any other part that isn't what it should be
        return tuple(read(part) for read, part in zip(_KEYS[kind], parts, strict=True))
    except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError):
        raise UnknownPage from None
