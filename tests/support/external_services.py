"""The external services of a stack: slowed down, and asked what they have received."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from devstack.info import StackInfo

_PAGE_SIZE = 1_000


class ExternalServices:
    """The sandbox that stands for the alimtalk provider and for monitoring."""

    def __init__(self, info: StackInfo) -> None:
        url = info.services["provider-sandbox"].url
        assert url is not None
        self._http = httpx.Client(base_url=url, timeout=15, trust_env=False)

    def close(self) -> None:
        self._http.close()

    @contextmanager
    def slow_provider(self, latency_ms: int) -> Iterator[None]:
        """The provider takes that long for each message while the block lasts, or until it is restarted."""
        self._control({"latencyMs": latency_ms})
        try:
            yield
        finally:
            self._control({})

    def messages(self) -> Counter[str]:
        """By event, how many messages the provider has accepted."""
        return Counter(message["reference"] for message in self._pages("/alimtalk/v1/messages", "messages"))

    def notices(self) -> Counter[str]:
        """By event, how many notices monitoring has kept."""
        return Counter(
            webhook["idempotencyKey"] for webhook in self._pages("/webhooks/monitoring", "webhooks")
        )

    def _control(self, faults: dict[str, int]) -> None:
        self._http.put("/controls", json={"alimtalk": faults}).raise_for_status()

    def _pages(self, path: str, field: str) -> Iterator[dict[str, Any]]:
        after: int | None = 0
        while after is not None:
            reply = self._http.get(path, params={"after": after, "limit": _PAGE_SIZE})
            page = reply.raise_for_status().json()
            yield from page[field]
            after = page["next"]
