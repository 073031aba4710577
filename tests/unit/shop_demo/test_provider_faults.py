"""Which faults the sandbox is given while orders are paid."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shop_demo.clock import HostClock
from shop_demo.http_client import http_client
from shop_demo.provider_faults import ProviderFaults
from tests.unit.shop_demo.alimtalk_sandbox import AlimtalkSandbox, alimtalk_sandbox

pytestmark = pytest.mark.unit


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[AlimtalkSandbox]:
    with alimtalk_sandbox(tmp_path) as running:
        yield running


async def until(sandbox: AlimtalkSandbox, provider: str, **expected: Any) -> None:
    """Returns once the provider has these faults."""
    async with asyncio.timeout(30):
        while not expected.items() <= (await asyncio.to_thread(sandbox.faults, provider)).items():
            await asyncio.sleep(0.05)


def test_an_outage_lasts_until_the_second_provider_sends(sandbox: AlimtalkSandbox) -> None:
    said: list[str] = []

    async def run() -> ProviderFaults:
        async with (
            http_client(HostClock(), 5) as client,
            ProviderFaults(client, sandbox.access, said.append, orders=300) as faults,
        ):
            await until(sandbox, "solapi", timeoutAfterAcceptNext=3, faultsAt="send-group", failNext=0)
            faults.paid = 120
            await until(sandbox, "solapi", failNext=1_000_000, failNextLookups=1_000_000)
            await until(sandbox, "nhn", timeoutAfterAcceptNext=3)
            sandbox.control("nhn")
            await asyncio.to_thread(sandbox.send, "nhn", 10)
            await until(sandbox, "solapi", failNext=0, failNextLookups=0, timeoutAfterAcceptNext=0)
            await asyncio.to_thread(sandbox.send, "solapi", 1)
            faults.paid = 240
            await until(sandbox, "solapi", timeoutAfterAcceptNext=3)
        return faults

    faults = asyncio.run(run())
    assert faults.first_has_failed
    assert faults.webhooks_dropped["nhn"] == 3
    assert faults.webhooks_dropped["solapi"] in (9, 12, 15)
    assert said == ["  SOLAPI fails: NHN Cloud has taken over", "  SOLAPI sends again"]
    assert [sandbox.faults(name)["timeoutAfterAcceptNext"] for name in ("solapi", "nhn")] == [0, 0]
    assert sandbox.faults("solapi")["webhookUrl"] is None


def test_few_orders_meet_lost_replies_and_no_outage(sandbox: AlimtalkSandbox) -> None:
    async def run() -> bool:
        async with (
            http_client(HostClock(), 5) as client,
            ProviderFaults(client, sandbox.access, print, orders=299) as faults,
        ):
            assert sandbox.faults("solapi")["timeoutAfterAcceptNext"] == 3
            sandbox.control("solapi")
            faults.paid = 199
            await until(sandbox, "solapi", timeoutAfterAcceptNext=3, failNext=0)
        return faults.first_has_failed

    assert not asyncio.run(run())


@pytest.mark.parametrize("provider", ["solapi", "nhn"])
def test_results_are_reported_to_notification_service(sandbox: AlimtalkSandbox, provider: str) -> None:
    async def run() -> str:
        async with (
            http_client(HostClock(), 5) as client,
            ProviderFaults(client, sandbox.access, print, orders=1),
        ):
            return str(sandbox.faults(provider)["webhookUrl"])

    assert asyncio.run(run()) == f"http://127.0.0.1:8003/webhooks/alimtalk/{provider}"


def test_faults_end_with_the_run_that_fails(sandbox: AlimtalkSandbox) -> None:
    async def run() -> None:
        async with (
            http_client(HostClock(), 5) as client,
            ProviderFaults(client, sandbox.access, print, orders=500),
        ):
            raise RuntimeError("the load has failed")

    with pytest.raises(RuntimeError, match="the load has failed"):
        asyncio.run(run())
    assert sandbox.faults("solapi")["timeoutAfterAcceptNext"] == 0
