"""What the sandbox's payment gateway has on record."""

from collections import Counter
from collections.abc import Set as AbstractSet
from typing import Self

from shop_demo.facts import GatewayFacts, GatewayPayment
from shop_demo.http_client import HttpClient
from shop_demo.sandbox_list import SandboxList


class GatewayRecords:
    """What it has received since `from_now`."""

    def __init__(
        self, gateway: str, payments: SandboxList, requests: SandboxList, begins: tuple[int, int]
    ) -> None:
        self._gateway = gateway
        self._payments = payments
        self._requests = requests
        self._begins = begins

    @classmethod
    async def from_now(cls, client: HttpClient, sandbox: str, gateway: str) -> Self:
        payments = SandboxList(client, f"{sandbox}/records/payments", "payments")
        requests = SandboxList(client, f"{sandbox}/records/requests", "requests")
        return cls(gateway, payments, requests, (await payments.end(), await requests.end()))

    async def facts(self, order_ids: AbstractSet[str]) -> GatewayFacts:
        """The payments of these orders, and the faults that all requests have met."""
        payments = [
            GatewayPayment(
                str(payment["orderId"]),
                str(payment["currency"]),
                int(payment["chargedAmount"]),
                int(payment["cancelledAmount"]) if payment["chargedAmount"] else 0,
            )
            async for payment in self._payments.after(self._begins[0], gateway=self._gateway)
            if payment["orderId"] in order_ids
        ]
        faults = Counter(
            [
                str(request["fault"])
                async for request in self._requests.after(self._begins[1], gateway=self._gateway)
                if request["fault"] is not None
            ]
        )
        return GatewayFacts(self._gateway, tuple(payments), dict(sorted(faults.items())))
