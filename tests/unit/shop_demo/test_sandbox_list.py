"""Where a list of the sandbox ends, and what stands behind a position."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from shop_demo.clock import HostClock
from shop_demo.http_client import HttpClient
from shop_demo.sandbox_list import SandboxList
from tests.unit.shop_demo.alimtalk_sandbox import alimtalk_sandbox

pytestmark = pytest.mark.unit


class CountingClient(HttpClient):
    read = 0
    asked = 0

    async def get(self, url: str, **params: str | int) -> dict[str, Any]:
        page = await super().get(url, **params)
        self.asked += 1
        self.read += len(page["webhooks"])
        return page


@pytest.fixture
def webhooks(tmp_path: Path) -> Iterator[str]:
    """The list of monitoring's webhooks; any number of them is quickly sent."""
    with alimtalk_sandbox(tmp_path) as sandbox:
        yield f"{sandbox.url}/webhooks/monitoring"


def send(webhooks: str, numbers: range) -> None:
    with httpx.Client() as client:
        for number in numbers:
            client.post(webhooks, json={}, headers={"Idempotency-Key": f"key-{number}"}).raise_for_status()


def read(webhooks: str, after: int | None = None) -> tuple[int, list[str], CountingClient]:
    """The list's end, the keys behind a position (or behind the end), and what it took."""

    async def reading() -> tuple[int, list[str], CountingClient]:
        async with aiohttp.ClientSession() as session:
            client = CountingClient(session, HostClock(), 5)
            entries = SandboxList(client, webhooks, "webhooks")
            end = await entries.end()
            behind = end if after is None else after
            return end, [entry["idempotencyKey"] async for entry in entries.after(behind)], client

    return asyncio.run(reading())


@pytest.mark.parametrize("count", [0, 1, 2, 3, 64])
def test_nothing_stands_behind_the_end(webhooks: str, count: int) -> None:
    send(webhooks, range(count))

    end, behind, _ = read(webhooks)

    assert (end, behind) == (count, [])


def test_only_what_is_new_is_read(webhooks: str) -> None:
    send(webhooks, range(100))
    end, _, finding = read(webhooks)
    send(webhooks, range(100, 103))

    _, behind, _ = read(webhooks, end)

    assert behind == ["key-100", "key-101", "key-102"]
    assert max(finding.asked, finding.read) <= 16


def test_the_end_is_found_where_entries_were_deleted(webhooks: str) -> None:
    send(webhooks, range(20))
    httpx.delete(webhooks.replace("/webhooks/monitoring", "/records")).raise_for_status()
    assert read(webhooks)[:2] == (0, [])
    send(webhooks, range(20, 23))

    end, behind, _ = read(webhooks, 0)

    assert end == 23
    assert behind == ["key-20", "key-21", "key-22"]
