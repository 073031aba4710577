"""One sandbox for all, in this process, and a connection to each gateway in turn."""

from collections.abc import Iterator

import httpx
import pytest

from provider_sandbox.config import SandboxSettings
from provider_sandbox.gateways.main import serving
from tests.integration.payment_gateways.connection import Connection, http_clients
from tests.integration.payment_gateways.gateways import GATEWAYS
from tests.integration.provider_sandbox.gateways.sandbox import GatewaySandbox


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewaySandbox]:
    path = tmp_path_factory.mktemp("payment-gateways") / "gateways.sqlite"
    with serving(SandboxSettings(http_port=0, sandbox_database_path=path)) as port:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=60.0, trust_env=False) as http:
            yield GatewaySandbox(url, http)


@pytest.fixture(scope="session")
def clients() -> Iterator[dict[float, httpx.Client]]:
    with http_clients() as clients:
        yield clients


@pytest.fixture(params=GATEWAYS, ids=lambda gateway: gateway.name)
def connection(
    request: pytest.FixtureRequest, running_sandbox: GatewaySandbox, clients: dict[float, httpx.Client]
) -> Connection:
    """To every gateway."""
    running_sandbox.reset()
    return Connection(request.param, running_sandbox, clients)
