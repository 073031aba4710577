"""What goes wrong at the alimtalk providers meanwhile: lost replies, lost webhooks and an outage."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from shop_demo.alimtalk_providers import FIRST, SECOND, SHOWN_AS
from shop_demo.external_services import provider_messages
from shop_demo.http_client import HttpClient
from shop_demo.stack_access import StackAccess

# Three replies in so many orders are lost: up to one in twenty. More in a row might look like an outage.
_ORDERS_IN_A_ROUND = 60
_LOST_IN_A_ROUND = 3
# Fewer might all be under way when the first provider fails, and would leave nothing to the second.
_LEAST_ORDERS_FOR_AN_OUTAGE = 300
_TAKEN_OVER = 10
_LONGEST_OUTAGE_SECONDS = 20.0
_LONGEST_RECOVERY_SECONDS = 60.0
_ALWAYS = 1_000_000
_POLL_SECONDS = 0.5
# Longer than the consumers wait for a reply.
_HEALTHY: Mapping[str, Any] = {"resultDelayMs": 500, "timeoutMs": 6_000}
_LOSING: Mapping[str, Any] = {
    **_HEALTHY,
    "timeoutAfterAcceptNext": _LOST_IN_A_ROUND,
    "dropWebhooksNext": _LOST_IN_A_ROUND,
}
# Of SOLAPI's calls, the one that sends.
_FIRST_LOSING: Mapping[str, Any] = {**_LOSING, "faultsAt": "send-group"}
_FAILING: Mapping[str, Any] = {**_HEALTHY, "failNext": _ALWAYS, "failNextLookups": _ALWAYS}


class ProviderFaults:
    """Sets the sandbox's faults as long as the block lasts; a stack that uses other providers meets none.

    The caller keeps `paid` up to date. When half of the orders are paid, the first provider takes nothing
    until the second one has taken over.
    """

    def __init__(
        self, client: HttpClient, stack: StackAccess, say: Callable[[str], None], *, orders: int
    ) -> None:
        self.paid = 0
        self.first_has_failed = False
        self.webhooks_dropped: Counter[str] = Counter()
        """By provider, how many it was made to lose, at most."""
        self._client = client
        self._stack = stack
        self._messages = provider_messages(client, stack.sandbox)
        self._say = say
        rounds = range(0, orders, _ORDERS_IN_A_ROUND)
        self._rounds = rounds
        self._outage_at = rounds[len(rounds) // 2] if orders >= _LEAST_ORDERS_FOR_AN_OUTAGE else None

    async def __aenter__(self) -> Self:
        await self._set(_FIRST_LOSING, _HEALTHY)
        self._task = asyncio.create_task(self._play())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._task.cancel()
        (ended,) = await asyncio.gather(self._task, return_exceptions=True)
        await self._put({FIRST: {}, SECOND: {}})
        if isinstance(ended, Exception) and error is None:
            raise ended

    async def _play(self) -> None:
        for begin in self._rounds[1:]:
            while self.paid < begin:
                await asyncio.sleep(_POLL_SECONDS)
            if begin == self._outage_at:
                await self._fail_first()
            await self._set(_FIRST_LOSING, _HEALTHY)

    async def _fail_first(self) -> None:
        self.first_has_failed = True
        outage = await self._messages.end()
        await self._set(_FAILING, _LOSING)
        if await self._accepts(SECOND, outage, _TAKEN_OVER, _LONGEST_OUTAGE_SECONDS):
            self._say(f"  {SHOWN_AS[FIRST]} fails: {SHOWN_AS[SECOND]} has taken over")
        recovery = await self._messages.end()
        await self._set(_HEALTHY, _HEALTHY)
        # Before it sends again, a lost reply would be taken for more of the outage.
        if await self._accepts(FIRST, recovery, 1, _LONGEST_RECOVERY_SECONDS):
            self._say(f"  {SHOWN_AS[FIRST]} sends again")

    async def _accepts(self, provider: str, since: int, messages: int, within_seconds: float) -> bool:
        """Whether the provider accepts as many behind the position in this time; returns once it has."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                while await self._accepted(provider, since) < messages:
                    await asyncio.sleep(_POLL_SECONDS)
                return True
        return False

    async def _accepted(self, provider: str, since: int) -> int:
        return sum([message["sends"] async for message in self._messages.after(since, provider=provider)])

    async def _set(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
        faults = {FIRST: first, SECOND: second}
        for name, each in faults.items():
            self.webhooks_dropped[name] += each.get("dropWebhooksNext", 0)
        url = self._stack.webhooks
        await self._put({name: {**faults[name], "webhookUrl": f"{url}/{name}"} for name in faults})

    async def _put(self, faults: Mapping[str, object]) -> None:
        await self._client.put(f"{self._stack.sandbox}/controls", faults)
