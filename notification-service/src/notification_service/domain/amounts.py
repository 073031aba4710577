"""Amounts of money as people read them."""

from decimal import Decimal

import iso4217


def decimal(minor_units: int, currency: str) -> Decimal:
    """An amount in the currency's own unit."""
    try:
        digits = iso4217.Currency(currency).exponent
    except ValueError:
        digits = None
    return Decimal(minor_units).scaleb(-(digits or 0))


def money(minor_units: int, currency: str) -> str:
    """``1,234.50 USD``"""
    return f"{decimal(minor_units, currency):,} {currency}"
