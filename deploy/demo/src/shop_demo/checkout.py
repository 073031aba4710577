"""The gateway's window, in which the sandbox lets a buyer authorise a payment."""

import re
from urllib.parse import parse_qsl, urlsplit

from shop_demo.errors import BadInput, Unexpected
from shop_demo.http_client import HttpClient
from shop_demo.orders import Order, OrderBatch

_MOST_WINDOWS = 3
# By card.
_LEAST_WON = {"toss": 100}
_CURRENCIES = frozenset({"KRW", "USD", "JPY"})
# Nobody listens there: the buyer's browser would go there, and all that the shop reads is the address.
_BACK_AT_THE_SHOP = "http://shop.invalid/paid"
_DECISION = re.compile(r'<form method="post" action="([^"]+)">')


class Checkout:
    """What a browser does between the shop's order page and its payment."""

    def __init__(self, client: HttpClient, sandbox: str, gateway: str) -> None:
        self._client = client
        self._sandbox = sandbox
        self._gateway = gateway

    async def authorise(self, order_id: str, order: Order, *, with_bad_card: bool) -> str:
        """The payment key that order-service takes the money with; with a bad card the gateway refuses it."""
        for _ in range(_MOST_WINDOWS):
            location = await self._decide(order_id, order, "decline" if with_bad_card else "pay")
            if location is not None:
                return _payment_key(dict(parse_qsl(urlsplit(location).query)), order_id)
        raise Unexpected(f"{_MOST_WINDOWS} windows of order {order_id} led nowhere")

    async def _decide(self, order_id: str, order: Order, action: str) -> str | None:
        """Where the window sends its buyer; None from one that has closed: its first answer was lost."""
        window = await self._client.browse(
            f"{self._sandbox}/gateways/checkout/{self._gateway}",
            orderId=order_id,
            amount=str(order.total_amount),
            currency=order.currency,
            successUrl=_BACK_AT_THE_SHOP,
        )
        decision = _DECISION.search(window["html"])
        if decision is None:
            raise Unexpected(
                f"the gateway's window of order {order_id} has no form: {window['html'][-300:]!r}"
            )
        form = {"action": action, "successUrl": _BACK_AT_THE_SHOP}
        back = await self._client.browse(self._sandbox + decision[1], form)
        location: str | None = back["location"]
        return location


def check_payable(batch: OrderBatch, gateway: str) -> None:
    """Raises BadInput for an order that can't be paid at a gateway."""
    for order in batch.orders:
        if order.currency not in _CURRENCIES:
            known = ", ".join(sorted(_CURRENCIES))
            raise BadInput(f"order {order.source_id} is in {order.currency}; {gateway} takes {known}")
        least = _LEAST_WON.get(gateway, 0)
        if order.currency == "KRW" and order.total_amount < least:
            raise BadInput(
                f"order {order.source_id} comes to {order.total_amount} KRW; {gateway} takes {least} or more"
            )


def _payment_key(result: dict[str, str], order_id: str) -> str:
    """Toss's paymentKey, or PortOne's transaction with its token."""
    match result:
        case {"paymentKey": key}:
            return key
        case {"txId": transaction_id, "paymentToken": token}:
            return f"{transaction_id}:{token}"
    raise Unexpected(f"the gateway's window of order {order_id} came back with {result}")
