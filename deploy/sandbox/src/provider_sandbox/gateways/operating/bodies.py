"""What tests and operators send."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from provider_sandbox.clock import ClockControl
from provider_sandbox.gateways.controls import Code, GatewayControls
from provider_sandbox.gateways.desk import OrderId, OrderName, Purchase
from provider_sandbox.gateways.names import GatewayName
from provider_sandbox.gateways.payment import Currency, Method, Status
from provider_sandbox.operating.pages import PageQuery
from servicekit.fields import PositiveInt64
from servicekit.http.models import BodyModel, PathModel


class ControlsBody(BodyModel):
    """What is left out stays as it is. What is left out of a gateway goes back to its default."""

    toss: GatewayControls | None = None
    portone: GatewayControls | None = None
    clock: ClockControl | None = None


class PurchaseBody(BodyModel):
    """A buyer authenticates a payment; ``amount`` is in the currency's smallest unit."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    gateway: GatewayName
    order_id: OrderId
    order_name: OrderName = "주문"
    amount: PositiveInt64
    currency: Currency = "KRW"
    method: Method = "CARD"
    decline_code: Code | None = None
    """Refuse the confirmation with this code."""
    authenticated: Annotated[bool, Field(strict=True)] = True
    """False leaves the window open."""

    @property
    def purchase(self) -> Purchase:
        return Purchase(self.order_id, self.order_name, self.amount, self.currency, self.method)


class UntrueWebhookBody(BodyModel):
    """A webhook that says of an order, known or not, what isn't true."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    gateway: GatewayName
    order_id: OrderId
    status: Status = "DONE"
    amount: PositiveInt64 = 15_000
    """Of an order that isn't known."""
    event_type: Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z._]{1,64}$")] | None = None
    """In place of the type that belongs to the status; for types that a shop doesn't know."""
    forged: Annotated[bool, Field(strict=True)] = True
    """With a wrong secret or signature. False: the gateway itself is mistaken."""


class PaymentPath(PathModel):
    """The gateway's key of a payment."""

    payment_key: str


class GatewayQuery(PageQuery):
    """All that is kept, or what is one gateway's."""

    gateway: GatewayName | None = None


class PaymentsQuery(GatewayQuery):
    """All payments, or those of one order."""

    order_id: str | None = None
