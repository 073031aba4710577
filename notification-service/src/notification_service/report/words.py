"""Numbers of a report as people read them."""

from notification_service.domain.amounts import decimal, money
from notification_service.domain.figures import Sums

__all__ = ["cancelled", "decimal", "duration", "money", "printable", "size", "sold"]


def sold(sums: Sums, currency: str) -> str:
    """How much was sold, and by what orders."""
    if not sums.orders:
        return "no orders"
    pieces, average = sums.items / sums.orders, money(sums.amount // sums.orders, currency)
    return f"{sums.orders:,} orders of {pieces:.1f} pieces and {average} on average"


def cancelled(sums: Sums, currency: str) -> str:
    """What was cancelled, and what is left."""
    return (
        f"{money(sums.cancelled_amount, currency)} returned by {sums.cancellations:,} cancellations of"
        f" {sums.cancelled_items:,} pieces; net {money(sums.net_amount, currency)}"
    )


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
