"""What is read of any gateway's replies: values that can be stored, and nothing odd."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from order_service.domain.order import MAX_AMOUNT


def _check_time(value: datetime) -> datetime:
    # Others can't be stored or converted.
    if not 2000 <= value.year < 3000:
        raise ValueError("must be a time of this era")
    return value.astimezone(UTC)


def _none_if_odd(value: object, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return None


def _empty_if_odd(value: object, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return ""


Text = Annotated[str, StringConstraints(strict=True)]
Time = Annotated[AwareDatetime, AfterValidator(_check_time)]
# The database stores it.
Code = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z0-9_]{1,100}$")]
DecimalAmount = Annotated[Decimal, Field(ge=0, max_digits=20)]
MinorUnits = Annotated[int, Field(strict=True, ge=0, lt=2**63)]


def is_returnable(left: int | None, total: int | None) -> bool:
    """Whether ``left`` of ``total`` minor units is an amount that can be stored, and returned."""
    return left is not None and total is not None and 0 < left <= min(total, MAX_AMOUNT)


# Odd ones must not keep open whether the money was taken, of which they don't tell.
OptionalCode = Annotated[Code | None, WrapValidator(_none_if_odd)]
OptionalTime = Annotated[Time | None, WrapValidator(_none_if_odd)]
Reason = Annotated[str, WrapValidator(_empty_if_odd)]
