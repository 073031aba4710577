"""What a shop opens the window with, and what the person in it decides."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

from provider_sandbox.gateways.desk import Purchase
from provider_sandbox.gateways.payment import Currency, Method
from servicekit.fields import PathInt64, Storable

ReturnUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2000)]
Action = Literal["pay", "decline", "fail", "cancel"]


class _Query(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class Returns(_Query):
    """Where the browser goes back to. Without an address a page shows what the shop would get."""

    success_url: ReturnUrl | None = None
    fail_url: ReturnUrl | None = None


class CheckoutQuery(Returns):
    """``amount`` is in the currency's smallest unit."""

    order_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_=-]{2,64}$")]
    order_name: Annotated[str, StringConstraints(min_length=1, max_length=100), Storable] = "주문"
    amount: PathInt64
    currency: Currency = "KRW"
    method: Method = "CARD"

    @property
    def purchase(self) -> Purchase:
        return Purchase(self.order_id, self.order_name, self.amount, self.currency, self.method)


class DecisionForm(Returns):
    """``decline``: authenticated, and refused at the confirmation. ``fail``: not authenticated."""

    action: Action
