"""How an order that has been placed gets paid."""

from dataclasses import dataclass
from typing import Protocol

from shop_demo.errors import Unexpected
from shop_demo.facts import PaidOrder
from shop_demo.http_client import HttpClient
from shop_demo.orders import Order

# The in-process payment gateway declines keys that begin like this, and approves others.
_DECLINING_PREFIX = "decline-"


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order as its client placed it. `key` begins all its Idempotency-Keys."""

    order: Order
    order_id: str
    total_amount: int
    key: str
    declined_first: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """A purchase after so many cards. Without a payment id its client has left: the outcome isn't known."""

    purchase: Purchase
    payment_key: str
    card: int = 1
    payment_id: str | None = None
    declines: int = 0
    unanswered: int = 0
    returns: int = 0
    """How often its client has come back with this card."""

    @property
    def key(self) -> str:
        return f"{self.purchase.key}-card-{self.card}"

    @property
    def body(self) -> dict[str, object]:
        amount = self.purchase.order.total_amount
        return {"method": "CARD", "paymentKey": self.payment_key, "amount": amount}

    def paid(self) -> PaidOrder | None:
        if self.payment_id is None:
            return None
        return PaidOrder(
            self.purchase.order,
            self.purchase.order_id,
            self.payment_id,
            self.purchase.total_amount,
            declines=self.declines,
            unanswered=self.unanswered,
            came_back=self.returns > 0,
        )


class Buyers(Protocol):
    async def pay(self, purchase: Purchase) -> Attempt:
        """Pay until it is paid, or until no answer comes."""
        ...

    async def see_through(self, attempt: Attempt) -> PaidOrder | None:
        """Wait until it is paid; None if that isn't known in time."""
        ...


class PatientBuyers:
    """They pay at order-service's own gateway, and repeat each request until it is answered."""

    def __init__(self, client: HttpClient, order_api: str) -> None:
        self._client = client
        self._order_api = order_api

    async def pay(self, purchase: Purchase) -> Attempt:
        payments = f"{self._order_api}/api/v1/orders/{purchase.order_id}/payments"
        declines = 0
        if purchase.declined_first:
            first = Attempt(purchase, _DECLINING_PREFIX + purchase.key)
            answer = await self._client.post(payments, first.key, first.body)
            if answer.status != 402:
                raise Unexpected(f"a declined card was answered {answer.status}: {answer.body}")
            declines = 1
        second = Attempt(purchase, purchase.key, card=2)
        payment = (await self._client.post(payments, second.key, second.body)).expect(201)
        return Attempt(purchase, purchase.key, 2, str(payment["paymentId"]), declines)

    async def see_through(self, attempt: Attempt) -> PaidOrder | None:
        return attempt.paid()
