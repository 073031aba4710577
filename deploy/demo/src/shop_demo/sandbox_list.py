"""A list of what the sandbox has received, read from a position on: earlier runs have left much in it."""

from collections.abc import AsyncIterator
from typing import Any

from shop_demo.http_client import HttpClient

_PAGE_SIZE = 1_000


class SandboxList:
    """A list that only grows, and the positions of its entries with it."""

    def __init__(self, client: HttpClient, url: str, entries: str) -> None:
        """`entries` is what a page calls them."""
        self._client = client
        self._url = url
        self._entries = entries

    async def end(self) -> int:
        """The position of the newest entry, 0 if there is none; the entries before it are not read."""
        newest, bound = 0, 1
        while (found := await self._first_after(bound)) is not None:
            newest, bound = found, 2 * found
        while newest < bound:
            middle = (newest + bound) // 2
            if (found := await self._first_after(middle)) is None:
                bound = middle
            else:
                newest = found
        return newest

    async def after(self, position: int, **filters: str) -> AsyncIterator[dict[str, Any]]:
        """The entries behind the position, the oldest first."""
        following: int | None = position
        while following is not None:
            page = await self._client.get(self._url, after=following, limit=_PAGE_SIZE, **filters)
            for entry in page[self._entries]:
                yield entry
            following = page["next"]

    async def _first_after(self, position: int) -> int | None:
        # A full page names its last entry's position.
        page = await self._client.get(self._url, after=position, limit=1)
        found: int | None = page["next"]
        return found
