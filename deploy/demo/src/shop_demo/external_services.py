"""What the external services have on record: the alimtalk provider and the monitoring receiver."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from shop_demo.http_client import HttpClient

_PAGE_SIZE = 1_000


async def alimtalk_messages(client: HttpClient, sandbox: str) -> Counter[str]:
    """By event id, how many messages the provider accepted."""
    return Counter(
        [str(m["reference"]) async for m in _pages(client, f"{sandbox}/alimtalk/v1/messages", "messages")]
    )


async def monitoring_notices(client: HttpClient, sandbox: str) -> Counter[str]:
    """By event id, how many notices the receiver kept; one that came again with its key is not kept."""
    pages = _pages(client, f"{sandbox}/webhooks/monitoring", "webhooks")
    return Counter([str(webhook["idempotencyKey"]) async for webhook in pages])


async def _pages(client: HttpClient, url: str, field: str) -> AsyncIterator[dict[str, Any]]:
    after: int | None = 0
    while after is not None:
        page = await client.get(url, after=after, limit=_PAGE_SIZE)
        for entry in page[field]:
            yield entry
        after = page["next"]
