"""Amounts as Toss writes them: in whole units of the currency, with decimals where it has cents."""

from decimal import Decimal

_DECIMALS = {"KRW": 0, "JPY": 0, "USD": 2}
CURRENCIES = frozenset(_DECIMALS)
"""What Toss takes."""


def toss_amount(minor_units: int, currency: str) -> int | float:
    """The number for Toss's JSON. ``currency`` is one of CURRENCIES."""
    decimals = _DECIMALS[currency]
    return minor_units if decimals == 0 else minor_units / 10**decimals


def is_amount(amount: Decimal, minor_units: int, currency: str) -> bool:
    """Whether Toss's ``amount`` is so many minor units."""
    return amount.scaleb(_DECIMALS[currency]) == minor_units


def minor_units(amount: Decimal, currency: str) -> int | None:
    """Toss's ``amount`` in minor units; None where it isn't whole, or the currency isn't known."""
    decimals = _DECIMALS.get(currency)
    if decimals is None:
        return None
    scaled = amount.scaleb(decimals)
    return int(scaled) if scaled == scaled.to_integral_value() else None
