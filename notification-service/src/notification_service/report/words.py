"""Numbers of a report as people read them."""

from decimal import Decimal

import iso4217


def money(minor_units: int, currency: str) -> str:
    """``1,234.50 USD``"""
    return f"{decimal(minor_units, currency):,} {currency}"


def decimal(minor_units: int, currency: str) -> Decimal:
    """An amount in the currency's own unit."""
    try:
        digits = iso4217.Currency(currency).exponent
    except ValueError:
        digits = None
    return Decimal(minor_units).scaleb(-(digits or 0))


def duration(milliseconds: int | None) -> str:
    """``250 ms``, ``2.5 s`` or ``15 min``; None is longer than a day."""
    if milliseconds is None:
        return "over 1 day"
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    seconds = milliseconds / 1_000
    if seconds < 120:
        return f"{seconds:g} s"
    return f"{seconds / 60:,.0f} min"


def size(pieces: int, largest: int) -> str:
    """A basket's size; the largest stands for more."""
    return f"{pieces} or more" if pieces == largest else str(pieces)


def printable(text: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(character if character.isprintable() else "?" for character in text)
