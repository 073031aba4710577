"""Which currencies an order may have: those of ISO 4217 that are money."""

from itertools import product
from string import ascii_uppercase

import pycountry
from pydantic import TypeAdapter, ValidationError

from order_service.http.bodies import CurrencyCode

# Metals, bond-market units, the IMF's drawing right, the code for tests and the one for none.
NO_MONEY = {"XAG", "XAU", "XPD", "XPT", "XBA", "XBB", "XBC", "XBD", "XDR", "XTS", "XXX"}
CURRENCY: TypeAdapter[str] = TypeAdapter(CurrencyCode)


def is_accepted(code: str) -> bool:
    try:
        CURRENCY.validate_python(code)
    except ValidationError:
        return False
    return True


def test_every_currency_of_iso_4217_is_accepted_and_no_other_code() -> None:
    accepted = {code for code in map("".join, product(ascii_uppercase, repeat=3)) if is_accepted(code)}
    assert accepted == {currency.alpha_3 for currency in pycountry.currencies} - NO_MONEY
    assert {"KRW", "RSD", "IQD", "KPW", "MGA"} <= accepted
