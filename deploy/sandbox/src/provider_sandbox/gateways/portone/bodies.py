"""What clients send. Fields that aren't known are ignored."""

from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, StringConstraints

from provider_sandbox.gateways.payment import Currency
from provider_sandbox.received import LenientModel

_Text = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200)]
_Amount = Annotated[StrictInt, Field(ge=0, le=10**14)]


class _Body(LenientModel):
    store_id: _Text | None = None


class ConfirmBody(_Body):
    """``POST /payments/{paymentId}/confirm``; all but the token is compared if it is there."""

    payment_token: _Text
    tx_id: _Text | None = None
    currency: Currency | None = None
    total_amount: _Amount | None = None
    is_test: StrictBool | None = None


class CancelBody(_Body):
    """``POST /payments/{paymentId}/cancel``. Without ``amount`` all that is left."""

    reason: _Text
    amount: Annotated[_Amount, Field(gt=0)] | None = None
    current_cancellable_amount: _Amount | None = None
