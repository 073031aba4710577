"""Toss's replies: what is read of them, and nothing else. Fields are added without notice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import AliasPath, BaseModel, Field, TypeAdapter, ValidationError

from order_service.gateways.reply_fields import (
    Code,
    DecimalAmount,
    OptionalCode,
    OptionalTime,
    Reason,
    Text,
    Time,
)


class TossCancel(BaseModel):
    """One refund of a payment. ``remaining_amount`` is what was left to refund after it."""

    amount: DecimalAmount = Field(alias="cancelAmount")
    remaining_amount: DecimalAmount = Field(alias="refundableAmount")
    reason: Reason = Field(default="", alias="cancelReason")
    canceled_at: Time = Field(alias="canceledAt")
    status: Code = Field(alias="cancelStatus")


_CANCELS = TypeAdapter(tuple[TossCancel, ...])


class TossPayment(BaseModel):
    """A payment. Never logged: it holds a secret, and what the buyer paid with.

    What doesn't tell whether the money was taken may be odd: it keeps no payment unsettled.
    """

    payment_key: Text = Field(alias="paymentKey")
    order_id: Text = Field(alias="orderId")
    status: Code
    currency: Text
    total_amount: DecimalAmount = Field(alias="totalAmount")
    balance_amount: DecimalAmount = Field(alias="balanceAmount")
    approved_at: Time | None = Field(default=None, alias="approvedAt")
    unread_cancels: Any = Field(default=None, alias="cancels")
    failure_code: OptionalCode = Field(default=None, validation_alias=AliasPath("failure", "code"))
    deposit_due_at: OptionalTime = Field(
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

    code: Code


@dataclass(frozen=True, slots=True)
class TossError:
    """An error that Toss itself answered."""

    code: str


@dataclass(frozen=True, slots=True)
class NoReply:
    """Nothing from which it can be read what became of the request. ``is_away`` says as much of others."""

    is_away: bool = False


Reply = TossPayment | TossError | NoReply
