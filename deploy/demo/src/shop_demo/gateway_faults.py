"""What goes wrong at the sandbox's payment gateway: one confirmation in twenty, and look-ups that lag."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from shop_demo.http_client import HttpClient
from shop_demo.seeded import seeded

_KINDS = (
    {"moment": "after", "kind": "time-out"},
    {"moment": "after", "kind": "cut"},
    {"moment": "before", "kind": "cut"},
    {"moment": "before", "kind": "decline"},
)
# Each kind's share of one in twenty.
_CALLS_FOR_EACH = 20 * len(_KINDS)
_SPREAD = _CALLS_FOR_EACH // 5
# More often than at each tenth confirmation, all cards of a buyer might be declined.
_FEWEST_CALLS_FOR_EACH = 10
FEWEST_ORDERS = _FEWEST_CALLS_FOR_EACH + len(_KINDS) - 1
"""From so many orders on there are faults."""
_ALWAYS = 1_000_000
# Longer than order-service waits.
_TIMEOUT_MS = 6_000
# Longer than the worker waits before it asks. PortOne is asked after each confirmation, whose reply doesn't
# say what was taken: if look-ups showed the past, no payment would be answered.
_LOOK_UP_LAG_MS = {"toss": 15_000, "portone": 0}


def plan_faults(orders: int, seed: int) -> list[Mapping[str, object]]:
    """Each kind at every so-manieth confirmation, and at least once; none if the orders are too few."""
    if orders < FEWEST_ORDERS:
        return []
    random = seeded(seed, "gateway-faults")
    plan: list[Mapping[str, object]] = []
    for number, kind in enumerate(random.sample(_KINDS, k=len(_KINDS))):
        every = random.randint(_CALLS_FOR_EACH - _SPREAD, _CALLS_FOR_EACH + _SPREAD)
        plan.append({"call": "confirm", **kind, "times": _ALWAYS, "every": min(every, orders - number)})
    return plan


class GatewayFaults:
    """Sets the faults of a gateway as long as the block lasts."""

    def __init__(self, client: HttpClient, sandbox: str, gateway: str, *, orders: int, seed: int) -> None:
        self._client = client
        self._controls = f"{sandbox}/controls"
        self._gateway = gateway
        self._faults = plan_faults(orders, seed)

    async def __aenter__(self) -> Self:
        await self._put(
            {"faults": self._faults, "timeoutMs": _TIMEOUT_MS, "lookUpLagMs": _LOOK_UP_LAG_MS[self._gateway]}
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._put({})

    async def _put(self, controls: Mapping[str, Any]) -> None:
        await self._client.put(self._controls, {self._gateway: controls})
