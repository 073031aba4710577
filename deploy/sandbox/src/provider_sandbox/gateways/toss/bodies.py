"""What clients send. Fields that aren't known are ignored, as the real API does."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, StrictFloat, StrictInt, StringConstraints

from provider_sandbox.received import LenientModel

_Number = Annotated[StrictInt | StrictFloat, Field(gt=0, le=10**12)]


def _text(longest: int) -> StringConstraints:
    return StringConstraints(strict=True, min_length=1, max_length=longest)


class ConfirmBody(LenientModel):
    """``POST /v1/payments/confirm``."""

    payment_key: Annotated[str, _text(200)]
    order_id: Annotated[str, _text(64)]
    amount: _Number

    @property
    def number(self) -> Decimal:
        return Decimal(str(self.amount))


class RefundAccount(LenientModel):
    """Where the money of a virtual account goes back to."""

    bank: Annotated[str, _text(30)]
    account_number: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{1,20}$")]
    holder_name: Annotated[str, _text(60)]


class CancelBody(LenientModel):
    """``POST /v1/payments/{paymentKey}/cancel``. Without ``cancelAmount`` all that is left."""

    cancel_reason: Annotated[str, _text(200)]
    cancel_amount: _Number | None = None
    refund_receive_account: RefundAccount | None = None
    currency: str | None = None
    refundable_amount: Annotated[StrictInt | StrictFloat, Field(ge=0)] | None = None
