"""PortOne's replies: what is read of them, and nothing else. Fields are added without notice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import AliasPath, BaseModel, Field, TypeAdapter, ValidationError

from order_service.gateways.reply_fields import (
    Code,
    MinorUnits,
    OptionalCode,
    OptionalTime,
    Reason,
    Text,
    Time,
)


class PortoneCancellation(BaseModel):
    """One refund of a payment."""

    amount: MinorUnits = Field(alias="totalAmount")
    status: Code
    reason: Reason = ""
    requested_at: Time = Field(alias="requestedAt")
    cancelled_at: Time | None = Field(default=None, alias="cancelledAt")

    @property
    def at(self) -> datetime:
        return self.cancelled_at or self.requested_at


_CANCELLATIONS = TypeAdapter(tuple[PortoneCancellation, ...])


class PortoneTransaction(BaseModel):
    """One of an order's transactions: the buyer opened the window so often.

    Never logged: it holds what the buyer paid with. What doesn't tell whether the money was taken may be odd:
    it keeps no payment unsettled.
    """

    payment_id: Text = Field(alias="paymentId")
    transaction_id: Text = Field(alias="id")
    status: Code
    currency: Text
    total_amount: MinorUnits = Field(validation_alias=AliasPath("amount", "total"))
    cancelled_amount: MinorUnits = Field(validation_alias=AliasPath("amount", "cancelled"))
    channel_type: OptionalCode = Field(default=None, validation_alias=AliasPath("channel", "type"))
    paid_at: Time | None = Field(default=None, alias="paidAt")
    deposit_due_at: OptionalTime = Field(default=None, validation_alias=AliasPath("method", "expiredAt"))
    unread_cancellations: Any = Field(default=None, alias="cancellations")
    failure_code: OptionalCode = Field(default=None, validation_alias=AliasPath("failure", "pgCode"))

    def cancellations(self) -> Sequence[PortoneCancellation] | None:
        """The refunds, the earliest first, or None if one of them can't be read."""
        if self.unread_cancellations is None:
            return ()
        try:
            cancellations = _CANCELLATIONS.validate_python(self.unread_cancellations)
        except ValidationError:
            return None
        return sorted(cancellations, key=lambda each: each.at)


class PortonePayment(PortoneTransaction):
    """An order's payment: the transaction that took its money, or else the last one."""

    payment_id: Text = Field(alias="id")
    transaction_id: Text = Field(alias="transactionId")


class PortoneTransactions(BaseModel):
    """All transactions of an order."""

    items: Sequence[dict[str, Any]]

    def find(self, transaction_id: str) -> "PortoneTransaction | NoReply | None":
        """The one with that id, unless there is none; NoReply if it can't be read."""
        found = next((item for item in self.items if item.get("id") == transaction_id), None)
        try:
            return None if found is None else PortoneTransaction.model_validate(found)
        except ValidationError:
            return NoReply()


class Confirmed(BaseModel):
    """The reply to a confirmation. Of a virtual account it is the same, before anything is deposited."""

    paid_at: Time = Field(alias="paidAt")


class Cancelled(BaseModel):
    """The reply to a cancellation."""

    cancellation: PortoneCancellation


class AccountClosed(BaseModel):
    """The reply once nothing can be paid into a virtual account any more."""

    closed_at: Time = Field(alias="closedAt")


class PortoneErrorBody(BaseModel):
    """The body of every error."""

    type: Code


@dataclass(frozen=True, slots=True)
class PortoneError:
    """An error that PortOne itself answered. ``code`` is its type."""

    code: str


@dataclass(frozen=True, slots=True)
class NoReply:
    """Nothing from which it can be read what became of the request. ``is_away`` says as much of others."""

    is_away: bool = False
