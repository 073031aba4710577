"""One sandbox for all, in this process, and a connection to each provider in turn."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.order_event import OrderEvent
from tests.integration.alimtalk_providers.connection import Connection, connected
from tests.integration.alimtalk_providers.providers import PROVIDERS, SOLAPI, Provider
from tests.integration.provider_sandbox.doubles import Doubles, serving_doubles
from tests.integration.provider_sandbox.webhook_receiver import WebhookReceiver
from tests.support.notification_builders import a_completed_order, a_message_for

REPORTING = [provider for provider in PROVIDERS if provider.reports]
POSTING = [provider for provider in REPORTING if provider.reports and provider.reports.webhook]
LOOKING_UP = [provider for provider in PROVIDERS if provider.found_by != "nothing"]
BATCHING = [provider for provider in PROVIDERS if provider.batches]
AUTHENTICATING = [provider for provider in PROVIDERS if provider.secret]


@pytest.fixture(scope="session")
def running_doubles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doubles]:
    with serving_doubles(tmp_path_factory.mktemp("doubles") / "sandbox.sqlite") as doubles:
        yield doubles


@pytest.fixture
def doubles(running_doubles: Doubles) -> Doubles:
    running_doubles.reset()
    running_doubles.control(alimtalk={})
    return running_doubles


def _connections(providers: Sequence[Provider]) -> Any:
    """A fixture that is a connection to each of these providers, one after the other."""

    @pytest.fixture(params=providers, ids=lambda provider: provider.name)
    def connection(request: pytest.FixtureRequest, doubles: Doubles) -> Iterator[Connection]:
        with connected(request.param, doubles) as connection:
            yield connection

    return connection


connection = _connections(PROVIDERS)
"""To every provider."""
reporting = _connections(REPORTING)
"""To every provider that is asked for results."""
posting = _connections(POSTING)
"""To every provider that posts results."""
looking_up = _connections(LOOKING_UP)
"""To every provider that finds messages."""
batching = _connections(BATCHING)
"""To every provider that takes several messages in a call."""
authenticating = _connections(AUTHENTICATING)
"""To every provider that checks a key."""


@pytest.fixture
def solapi(doubles: Doubles) -> Iterator[Connection]:
    with connected(SOLAPI, doubles) as connection:
        yield connection


@pytest.fixture
def message() -> AlimtalkMessage:
    return a_message_for(a_completed_order())


@pytest.fixture
def other_message() -> AlimtalkMessage:
    """To the same number, of another order."""
    return a_message_for(a_completed_order())


@pytest.fixture
def orders() -> list[OrderEvent]:
    """Of three buyers."""
    return [a_completed_order(phone=f"010-1234-567{n}") for n in (8, 1, 2)]


@pytest.fixture
def messages(orders: list[OrderEvent]) -> list[AlimtalkMessage]:
    return [a_message_for(order) for order in orders]


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running
