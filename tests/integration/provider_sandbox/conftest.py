"""One sandbox for all tests of the providers' doubles."""

from collections.abc import Iterator

import httpx
import pytest

from provider_sandbox.config import SandboxSettings
from provider_sandbox.main import serving
from tests.integration.provider_sandbox.doubles import Doubles
from tests.integration.provider_sandbox.webhook_receiver import WebhookReceiver


@pytest.fixture(scope="session")
def running_doubles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doubles]:
    """In this process: what is tested is what is imported, and nothing has to start."""
    path = tmp_path_factory.mktemp("doubles") / "sandbox.sqlite"
    with serving(SandboxSettings(http_port=0, sandbox_database_path=path)) as port:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=40.0, trust_env=False) as http:
            yield Doubles(url, http)


@pytest.fixture
def doubles(running_doubles: Doubles) -> Doubles:
    running_doubles.reset()
    return running_doubles


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running
