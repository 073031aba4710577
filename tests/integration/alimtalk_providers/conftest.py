"""One sandbox for all, in this process, and a connection to each provider in turn."""

from collections.abc import Iterator

import httpx
import pytest

from notification_service.domain.alimtalk_message import AlimtalkMessage
from provider_sandbox.config import SandboxSettings
from provider_sandbox.main import serving
from tests.integration.alimtalk_providers.connection import Connection, connected
from tests.integration.alimtalk_providers.providers import PROVIDERS, SOLAPI
from tests.integration.provider_sandbox.doubles import Doubles
from tests.integration.provider_sandbox.webhook_receiver import WebhookReceiver
from tests.support.notification_builders import a_completed_order, a_message_for

REPORTING = [provider for provider in PROVIDERS if provider.reports]
POSTING = [provider for provider in REPORTING if provider.reports and provider.reports.webhook]
LOOKING_UP = [provider for provider in PROVIDERS if provider.found_by != "nothing"]
AUTHENTICATING = [provider for provider in PROVIDERS if provider.secret]


@pytest.fixture(scope="session")
def running_doubles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doubles]:
    path = tmp_path_factory.mktemp("doubles") / "sandbox.sqlite"
    with serving(SandboxSettings(http_port=0, sandbox_database_path=path)) as port:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=40.0, trust_env=False) as http:
            yield Doubles(url, http)


@pytest.fixture
def doubles(running_doubles: Doubles) -> Doubles:
    running_doubles.reset()
    running_doubles.control(alimtalk={})
    return running_doubles


@pytest.fixture(params=PROVIDERS, ids=lambda provider: provider.name)
def connection(request: pytest.FixtureRequest, doubles: Doubles) -> Iterator[Connection]:
    """To every provider."""
    with connected(request.param, doubles) as connection:
        yield connection


@pytest.fixture(params=REPORTING, ids=lambda provider: provider.name)
def reporting(request: pytest.FixtureRequest, doubles: Doubles) -> Iterator[Connection]:
    """To every provider that is asked for results."""
    with connected(request.param, doubles) as connection:
        yield connection


@pytest.fixture(params=POSTING, ids=lambda provider: provider.name)
def posting(request: pytest.FixtureRequest, doubles: Doubles) -> Iterator[Connection]:
    """To every provider that posts results."""
    with connected(request.param, doubles) as connection:
        yield connection


@pytest.fixture(params=LOOKING_UP, ids=lambda provider: provider.name)
def looking_up(request: pytest.FixtureRequest, doubles: Doubles) -> Iterator[Connection]:
    """To every provider that finds messages."""
    with connected(request.param, doubles) as connection:
        yield connection


@pytest.fixture(params=AUTHENTICATING, ids=lambda provider: provider.name)
def authenticating(request: pytest.FixtureRequest, doubles: Doubles) -> Iterator[Connection]:
    """To every provider that checks a key."""
    with connected(request.param, doubles) as connection:
        yield connection


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
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running
