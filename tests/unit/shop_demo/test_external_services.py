"""What the sandbox has on record, as the demo counts it."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from notification_service.alimtalk.providers import create_provider
from notification_service.alimtalk_settings import ProviderName
from notification_service.domain.errors import ReceiverUnavailable
from shop_demo.clock import HostClock
from shop_demo.external_services import AlimtalkRecords, ExternalServices
from shop_demo.facts import AlimtalkMessage
from shop_demo.http_client import http_client
from tests.support.notification_builders import a_completed_order, a_message_for
from tests.unit.shop_demo.alimtalk_sandbox import AlimtalkSandbox, alimtalk_sandbox

pytestmark = pytest.mark.unit


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[AlimtalkSandbox]:
    with alimtalk_sandbox(tmp_path) as running:
        yield running


def records_of(sandbox: AlimtalkSandbox, send: Callable[[], object]) -> AlimtalkRecords:
    """What is on record once this was sent, of that alone."""

    async def read() -> AlimtalkRecords:
        async with http_client(HostClock(), 5) as client:
            services = await ExternalServices.from_now(client, sandbox.url)
            await asyncio.to_thread(send)
            return await services.alimtalk()

    return asyncio.run(read())


@pytest.mark.parametrize("provider", ["solapi", "nhn"])
def test_a_message_is_delivered_once_its_provider_says_so(
    sandbox: AlimtalkSandbox, provider: ProviderName
) -> None:
    sent: list[str] = []

    def send() -> None:
        for delay_ms in (0, 60_000):
            sandbox.control(provider, resultDelayMs=delay_ms)
            sent.extend(message.reference for message in sandbox.send(provider))

    found = records_of(sandbox, send)
    delivered, accepted = sent
    assert found == AlimtalkRecords(
        (
            AlimtalkMessage(provider, delivered, is_delivered=True),
            AlimtalkMessage(provider, accepted, is_delivered=False),
        ),
        (),
    )


def test_a_message_that_solapi_has_not_sent_is_none(sandbox: AlimtalkSandbox) -> None:
    sandbox.control("solapi", failNext=1, faultsAt="send-group")

    def send() -> None:
        with pytest.raises(ReceiverUnavailable):
            sandbox.send("solapi")

    assert records_of(sandbox, send).messages == ()


def lose_next_reply(sandbox: AlimtalkSandbox, provider: ProviderName) -> None:
    place = {"faultsAt": "send-group"} if provider == "solapi" else {}
    sandbox.control(provider, timeoutAfterAcceptNext=1, timeoutMs=1, **place)


@pytest.mark.parametrize("provider", ["solapi", "nhn"])
def test_a_lost_reply_is_counted_for_its_message(sandbox: AlimtalkSandbox, provider: ProviderName) -> None:
    lose_next_reply(sandbox, provider)
    sent: list[str] = []
    records = records_of(
        sandbox, lambda: sent.extend(message.reference for message in sandbox.send(provider, 2))
    )
    assert [message.event_id for message in records.messages] == sent
    assert records.replies_lost == (sent[0],)


@pytest.mark.parametrize("provider", ["solapi", "nhn"])
def test_a_lost_reply_is_counted_for_each_message_of_a_batch(
    sandbox: AlimtalkSandbox, provider: ProviderName
) -> None:
    lose_next_reply(sandbox, provider)
    batch = [a_message_for(a_completed_order(phone=f"010-1234-{n:04}")) for n in range(3)]
    batches = create_provider(sandbox.settings, sandbox.client, provider).batches
    assert batches is not None

    records = records_of(sandbox, lambda: batches.send(batch, lambda: True))

    assert [message.event_id for message in records.messages] == list(records.replies_lost)
    assert sorted(records.replies_lost) == sorted(message.reference for message in batch)


@pytest.mark.parametrize("provider", ["solapi", "nhn"])
def test_what_earlier_runs_left_is_not_read(sandbox: AlimtalkSandbox, provider: ProviderName) -> None:
    lose_next_reply(sandbox, provider)
    sandbox.send(provider, 3)
    assert records_of(sandbox, lambda: None) == AlimtalkRecords((), ())


def test_an_earlier_runs_message_that_is_sent_now_is_left_out(sandbox: AlimtalkSandbox) -> None:
    message = a_message_for(a_completed_order())
    provider = create_provider(sandbox.settings, sandbox.client, "solapi")
    sandbox.control("solapi", failNext=1, faultsAt="send-group")
    with pytest.raises(ReceiverUnavailable):
        provider.send(message, lambda: True)

    def send_again() -> None:
        lose_next_reply(sandbox, "solapi")
        provider.send(message, lambda: True)
        requests = httpx.get(f"{sandbox.url}/records/provider-requests").json()["requests"]
        assert requests[-1]["fault"] == "timeout_after_accept_next"

    assert records_of(sandbox, send_again) == AlimtalkRecords((), ())
