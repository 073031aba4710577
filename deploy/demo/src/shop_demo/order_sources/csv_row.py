"""One line of a CSV file of orders."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from iso4217 import Currency
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from shop_demo.orders import MAX_INT64, MAX_QUANTITY, MAX_UNIT_PRICE

COLUMNS = ("order_id", "customer_id", "ordered_at", "product_id", "quantity", "unit_price")
OPTIONAL_COLUMNS = ("currency",)

_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_INTEGER = re.compile(r"-?[0-9]{1,30}")
_MINOR_DIGITS = {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}


def _integer(text: str) -> int:
    # Not int(): it takes 1_000, other scripts' digits and surrounding blanks.
    if not _INTEGER.fullmatch(text):
        raise ValueError("must be a whole number")
    return int(text)


def _decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("must be a decimal number such as 12.50")
    return Decimal(text)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be an ISO 8601 date or RFC 3339 date and time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _currency(text: str) -> str:
    # Gold, drawing rights and codes for tests have no minor unit, and no order is paid in them.
    if text not in _MINOR_DIGITS:
        raise ValueError("must be a currency of ISO 4217, in capitals")
    return text


class CsvRow(BaseModel):
    """A line, its columns as text turned into what they mean. A date without a zone is taken as UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    order_id: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    customer_id: Annotated[int, BeforeValidator(_integer), Field(ge=1, le=MAX_INT64)]
    ordered_at: Annotated[datetime, BeforeValidator(_moment)]
    product_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    quantity: Annotated[int, BeforeValidator(_integer), Field(ge=1, le=MAX_QUANTITY)]
    unit_price: Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0)]
    currency: Annotated[str, BeforeValidator(_currency)] = "KRW"

    @property
    def unit_price_minor_units(self) -> int:
        return int(self.unit_price.scaleb(_MINOR_DIGITS[self.currency]))

    @model_validator(mode="after")
    def _fits_the_currency(self) -> "CsvRow":
        digits = _MINOR_DIGITS[self.currency]
        in_minor_units = self.unit_price.scaleb(digits)
        if in_minor_units != in_minor_units.to_integral_value():
            raise ValueError(
                f"unit_price {self.unit_price} has more than the {digits} decimals of {self.currency}"
            )
        if in_minor_units > MAX_UNIT_PRICE:
            raise ValueError(f"unit_price {self.unit_price} is over {MAX_UNIT_PRICE} minor units")
        return self
