"""Amounts: integers of a currency's smallest unit, and numbers of its main unit where a gateway has those."""

from decimal import Decimal

DECIMALS = {"KRW": 0, "JPY": 0, "USD": 2}
"""The currencies that can be paid with, and how many decimals each has."""


def to_minor_units(amount: Decimal, currency: str) -> int:
    """Raises ValueError if ``amount`` has more decimals than the currency."""
    minor = amount.scaleb(DECIMALS[currency])
    if minor != minor.to_integral_value():
        raise ValueError(f"{currency} has {DECIMALS[currency]} decimals")
    return int(minor)


def to_number(minor_units: int, currency: str) -> int | float:
    """As JSON has it."""
    decimals = DECIMALS[currency]
    return minor_units if decimals == 0 else float(Decimal(minor_units).scaleb(-decimals))


def tax_of(amount: int) -> int:
    """The value-added tax that is part of ``amount``: an eleventh, rounded half up."""
    return (2 * amount + 11) // 22
