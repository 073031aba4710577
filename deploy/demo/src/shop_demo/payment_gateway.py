"""The gateway that a run's orders are paid at: its buyers, its faults and its records."""

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Self

from shop_demo.buyers import Buyers, PatientBuyers
from shop_demo.checkout import Checkout
from shop_demo.gateway_buyers import GatewayBuyers
from shop_demo.gateway_faults import GatewayFaults
from shop_demo.gateway_records import GatewayRecords
from shop_demo.run_context import RunContext


@dataclass(frozen=True, slots=True)
class PaymentGateway:
    """Of the sandbox, or order-service's own, which meets no faults and keeps nothing."""

    buyers: Buyers
    faults: AbstractAsyncContextManager[object]
    records: GatewayRecords | None

    @classmethod
    async def of(cls, run: RunContext, *, orders: int) -> Self:
        client, stack, settings = run.client, run.stack, run.settings
        if stack.gateway is None:
            return cls(PatientBuyers(client, stack.order_api), nullcontext(), None)
        sandbox, name = stack.gateway_sandbox, stack.gateway
        checkout = Checkout(client, sandbox, name)
        return cls(
            buyers=GatewayBuyers(client, stack.order_api, checkout, settings.patience_seconds),
            faults=GatewayFaults(client, sandbox, name, orders=orders, seed=settings.seed),
            records=await GatewayRecords.from_now(client, sandbox, name),
        )
