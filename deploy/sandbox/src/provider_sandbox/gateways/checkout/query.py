"""What a shop opens the window with, and what the person in it decides."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from provider_sandbox.gateways.desk import OrderId, OrderName, Purchase
from provider_sandbox.gateways.payment import Currency, Method
from provider_sandbox.received import LenientModel
from servicekit.fields import PathInt64

ReturnUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2000)]
Action = Literal["pay", "decline", "fail", "cancel"]


class Returns(LenientModel):
    """Where the browser goes back to. Without an address a page shows what the shop would get."""

    success_url: ReturnUrl | None = None
    fail_url: ReturnUrl | None = None


class CheckoutQuery(Returns):
    """``amount`` is in the currency's smallest unit."""

    order_id: OrderId
    order_name: OrderName = "주문"
    amount: PathInt64
    currency: Currency = "KRW"
    method: Method = "CARD"

    @property
    def purchase(self) -> Purchase:
        return Purchase(self.order_id, self.order_name, self.amount, self.currency, self.method)


class DecisionForm(Returns):
    """``decline``: authenticated, and refused at the confirmation. ``fail``: not authenticated."""

    action: Action
