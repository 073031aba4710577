"""Buyers at a gateway: where no answer comes they leave, and look at their order now and then."""

import asyncio
import time
from dataclasses import replace

from shop_demo.buyers import Attempt, Purchase
from shop_demo.checkout import Checkout
from shop_demo.errors import Unexpected
from shop_demo.facts import PaidOrder
from shop_demo.http_client import Answer, HttpClient

_MOST_CARDS = 6
_SECONDS_BETWEEN_LOOKS = 1.0
# A gateway may work on a confirmation for 70 s. What it has not taken by then, only the buyer asks for again;
# and again, because that confirmation may fail too. No attempt begins later than 12 minutes after the first.
_COMES_BACK_AFTER_SECONDS = 75.0
_MOST_RETURNS = 4
_IN_PROGRESS = "urn:problem:payment-in-progress"
_LEAVES_AT = frozenset({409, 504})
# A buyer who comes back may meet the worker, which has just asked the gateway. Then the request is repeated
# as Retry-After says: 75 s later the same could happen.
_LEAVES_AGAIN_AT = frozenset({504})
_REFUSED = frozenset({"DECLINED", "ABANDONED"})


class GatewayBuyers:
    """`patience_seconds` is how long they look at an order beyond the times at which they come back."""

    def __init__(
        self, client: HttpClient, order_api: str, checkout: Checkout, patience_seconds: float
    ) -> None:
        self._client = client
        self._orders = f"{order_api}/api/v1/orders"
        self._checkout = checkout
        self._patience_seconds = patience_seconds

    async def pay(self, purchase: Purchase) -> Attempt:
        return await self._pay(await self._with_card(Attempt(purchase, "", card=0)))

    async def see_through(self, attempt: Attempt) -> PaidOrder | None:
        while attempt.payment_id is None:
            settled = await self._settled(attempt)
            if settled is None:
                return None
            attempt = settled
        return attempt.paid()

    async def _pay(self, attempt: Attempt) -> Attempt:
        while True:
            answered = await self._answered(attempt)
            if answered is not None:
                return answered
            attempt = await self._with_card(replace(attempt, declines=attempt.declines + 1))

    async def _with_card(self, attempt: Attempt) -> Attempt:
        """The next attempt, which the buyer has authorised."""
        purchase, card = attempt.purchase, attempt.card + 1
        if card > _MOST_CARDS:
            raise Unexpected(f"order {purchase.order_id} could not be paid with {_MOST_CARDS} cards")
        is_bad = purchase.declined_first and card == 1
        key = await self._checkout.authorise(purchase.order_id, purchase.order, with_bad_card=is_bad)
        return replace(attempt, payment_key=key, card=card, returns=0)

    async def _answered(self, attempt: Attempt) -> Attempt | None:
        """Paid, or without an answer; None if the card was declined."""
        payments = f"{self._orders}/{attempt.purchase.order_id}/payments"
        ends_at = _LEAVES_AGAIN_AT if attempt.returns else _LEAVES_AT
        answer = await self._client.post(payments, attempt.key, attempt.body, answers=ends_at)
        if answer.status == 402:
            return None
        if _leaves_it_open(answer):
            return replace(attempt, unanswered=attempt.unanswered + 1)
        return replace(attempt, payment_id=str(answer.expect(201)["paymentId"]))

    async def _settled(self, attempt: Attempt) -> Attempt | None:
        """The attempt once it is known how it ended, or the next one; None if that isn't known in time."""
        begun_at = time.monotonic()
        while True:
            waited = time.monotonic() - begun_at
            order = await self._client.get(f"{self._orders}/{attempt.purchase.order_id}")
            if order["status"] == "COMPLETED":
                return replace(attempt, payment_id=str(order["payment"]["paymentId"]))
            status = order["payment"] and order["payment"]["status"]
            if status in _REFUSED:
                declines = attempt.declines + (status == "DECLINED")
                return await self._pay(await self._with_card(replace(attempt, declines=declines)))
            if waited > _COMES_BACK_AFTER_SECONDS and attempt.returns < _MOST_RETURNS:
                return await self._pay(replace(attempt, returns=attempt.returns + 1))
            if waited > _COMES_BACK_AFTER_SECONDS + self._patience_seconds:
                return None
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


def _leaves_it_open(answer: Answer) -> bool:
    return answer.status == 504 or (answer.status == 409 and answer.body.get("type") == _IN_PROGRESS)
