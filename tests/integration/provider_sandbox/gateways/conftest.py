"""One sandbox of gateways for all tests."""

from collections.abc import Iterator

import httpx
import pytest

from provider_sandbox.config import GatewaySettings
from provider_sandbox.gateways.main import serving
from tests.integration.provider_sandbox.gateways.portone_client import PortoneClient
from tests.integration.provider_sandbox.gateways.sandbox import GatewaySandbox
from tests.integration.provider_sandbox.gateways.toss_client import TossClient


@pytest.fixture(scope="session")
def running_gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewaySandbox]:
    """In this process: what is tested is what is imported, and nothing has to start."""
    path = tmp_path_factory.mktemp("gateways") / "gateways.sqlite"
    with serving(GatewaySettings(http_port=0, sandbox_database_path=path)) as port:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=20.0, trust_env=False) as http:
            yield GatewaySandbox(url, http)


@pytest.fixture
def gateways(running_gateways: GatewaySandbox) -> GatewaySandbox:
    running_gateways.reset()
    return running_gateways


@pytest.fixture
def toss(gateways: GatewaySandbox) -> TossClient:
    return TossClient(gateways.http)


@pytest.fixture
def portone(gateways: GatewaySandbox) -> PortoneClient:
    return PortoneClient(gateways.http)
