"""Toss's replies: what is read of them, and nothing else. Fields are added without notice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AliasPath,
    AwareDatetime,
    BaseModel,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)


def _check_time(value: datetime) -> datetime:
    # Others can't be stored or converted.
    if not 2000 <= value.year < 3000:
        raise ValueError("must be a time of this era")
    return value.astimezone(UTC)


_Time = Annotated[AwareDatetime, AfterValidator(_check_time)]
# The database stores it.
_Code = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z0-9_]{1,100}$")]


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


_Text = Annotated[str, StringConstraints(strict=True)]
_Amount = Annotated[Decimal, Field(ge=0, max_digits=20)]


class TossCancel(BaseModel):
    """One refund of a payment. ``remaining_amount`` is what was left to refund after it."""

    amount: _Amount = Field(alias="cancelAmount")
    remaining_amount: _Amount = Field(alias="refundableAmount")
    reason: Annotated[str, WrapValidator(_empty_if_odd)] = Field(default="", alias="cancelReason")
    canceled_at: _Time = Field(alias="canceledAt")
    status: _Code = Field(alias="cancelStatus")


_CANCELS = TypeAdapter(tuple[TossCancel, ...])


class TossPayment(BaseModel):
    """A payment. Never logged: it holds a secret, and what the buyer paid with.

    What doesn't tell whether the money was taken may be odd: it keeps no payment unsettled.
    """

    payment_key: _Text = Field(alias="paymentKey")
    order_id: _Text = Field(alias="orderId")
    status: _Code
    currency: _Text
    total_amount: _Amount = Field(alias="totalAmount")
    balance_amount: _Amount = Field(alias="balanceAmount")
    approved_at: _Time | None = Field(default=None, alias="approvedAt")
    unread_cancels: Any = Field(default=None, alias="cancels")
    failure_code: Annotated[_Code | None, WrapValidator(_none_if_odd)] = Field(
        default=None, validation_alias=AliasPath("failure", "code")
    )
    deposit_due_at: Annotated[_Time | None, WrapValidator(_none_if_odd)] = Field(
        default=None, validation_alias=AliasPath("virtualAccount", "dueDate")
    )

    def cancels(self) -> Sequence[TossCancel] | None:
        """The refunds, or None if one of them can't be read."""
        try:
            return () if self.unread_cancels is None else _CANCELS.validate_python(self.unread_cancels)
        except ValidationError:
            return None


class TossErrorBody(BaseModel):
    """The body of every error."""

    code: _Code


@dataclass(frozen=True, slots=True)
class TossError:
    """An error that Toss itself answered."""

    code: str


@dataclass(frozen=True, slots=True)
class NoReply:
    """Nothing from which it can be read what became of the request."""


Reply = TossPayment | TossError | NoReply
