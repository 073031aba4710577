"""What the sandbox has on record, as the demo counts it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from notification_service.alimtalk_settings import ProviderName
from notification_service.domain.errors import ReceiverUnavailable
from shop_demo.clock import HostClock
from shop_demo.external_services import AlimtalkRecords, alimtalk_records
from shop_demo.facts import AlimtalkMessage
from shop_demo.http_client import http_client
from tests.unit.shop_demo.alimtalk_sandbox import AlimtalkSandbox, alimtalk_sandbox

pytestmark = pytest.mark.unit


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[AlimtalkSandbox]:
    with alimtalk_sandbox(tmp_path) as running:
        yield running


def records_of(sandbox: AlimtalkSandbox) -> AlimtalkRecords:
    async def read() -> AlimtalkRecords:
        async with http_client(HostClock(), 5) as client:
            return await alimtalk_records(client, sandbox.url)

    return asyncio.run(read())


@pytest.mark.parametrize("provider", ["solapi", "nhn"])
def test_a_message_is_delivered_once_its_provider_says_so(
    sandbox: AlimtalkSandbox, provider: ProviderName
) -> None:
    sandbox.control(provider, resultDelayMs=0)
    (delivered,) = sandbox.send(provider)
    sandbox.control(provider, resultDelayMs=60_000)
    (accepted,) = sandbox.send(provider)
    assert records_of(sandbox) == AlimtalkRecords(
        (
            AlimtalkMessage(provider, delivered.reference, is_delivered=True),
            AlimtalkMessage(provider, accepted.reference, is_delivered=False),
        ),
        (),
    )


def test_a_message_that_solapi_has_not_sent_is_none(sandbox: AlimtalkSandbox) -> None:
    sandbox.control("solapi", failNext=1, faultsAt="send-group")
    with pytest.raises(ReceiverUnavailable):
        sandbox.send("solapi")
    assert records_of(sandbox).messages == ()


@pytest.mark.parametrize("provider", ["solapi", "nhn"])
def test_a_lost_reply_is_counted_for_its_message(sandbox: AlimtalkSandbox, provider: ProviderName) -> None:
    place = {"faultsAt": "send-group"} if provider == "solapi" else {}
    sandbox.control(provider, timeoutAfterAcceptNext=1, timeoutMs=1, **place)
    first, second = sandbox.send(provider, 2)
    records = records_of(sandbox)
    assert [message.event_id for message in records.messages] == [first.reference, second.reference]
    assert records.replies_lost == (first.reference,)
