"""What tests and operators receive."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from provider_sandbox.clock import ClockControl
from provider_sandbox.gateways.controls import GatewayControls
from provider_sandbox.gateways.payment import Cancellation
from provider_sandbox.operating.pages import KeptReply, KeptRequestReply, PageReply
from servicekit.fields import JsonModel


class ControlsReply(JsonModel):
    """The controls, with the counts that are left."""

    toss: GatewayControls
    portone: GatewayControls
    clock: ClockControl


def _amounts(cancellations: Sequence[Cancellation]) -> list[int]:
    return [each.amount for each in cancellations]


class PaymentReply(KeptReply):
    """A payment; amounts are in the currency's smallest unit."""

    gateway: str
    payment_key: str = Field(validation_alias="key")
    payment_token: str | None = Field(validation_alias="token")
    """What PortOne's payments are confirmed with."""
    order_id: str
    amount: int
    currency: str
    method: str
    status: str
    charged_amount: int
    cancelled_amount: int
    cancellations: Annotated[list[int], BeforeValidator(_amounts)]


class PaymentsReply(PageReply):
    """A page of payments. ``next`` is null on the last page."""

    payments: list[PaymentReply]


class RequestReply(KeptRequestReply):
    """A request to a gateway. ``status`` is null until it is answered, and if it never is."""

    gateway: str = Field(validation_alias="provider")


class RequestsReply(PageReply):
    """A page of requests. ``next`` is null on the last page."""

    requests: list[RequestReply]


class MoneyReply(JsonModel):
    """What one gateway took and gave back in one currency, in its smallest unit."""

    gateway: str
    currency: str
    payments: int
    charged: int
    cancelled: int


class RecordsReply(JsonModel):
    """Totals. ``ordersChargedTwice`` have more than one payment whose money wasn't given back."""

    money: list[MoneyReply]
    orders_charged_twice: int
    webhooks_pending: int
