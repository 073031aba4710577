"""One sandbox for all, in this process, and a connection to each gateway in turn."""

from collections.abc import Iterator

import httpx
import pytest

from tests.integration.payment_gateways.connection import Connection, http_clients
from tests.integration.payment_gateways.gateways import GATEWAYS
from tests.support.gateway_sandbox import GatewaySandbox, serving_gateways


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewaySandbox]:
    with serving_gateways(tmp_path_factory.mktemp("payment-gateways") / "gateways.sqlite") as sandbox:
        yield sandbox


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
