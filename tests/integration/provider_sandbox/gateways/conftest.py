"""One sandbox of gateways for all tests."""

from collections.abc import Iterator

import pytest

from tests.integration.provider_sandbox.gateways.portone_client import PortoneClient
from tests.integration.provider_sandbox.gateways.toss_client import TossClient
from tests.support.gateway_sandbox import GatewaySandbox, serving_gateways


@pytest.fixture(scope="session")
def running_gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewaySandbox]:
    """In this process: what is tested is what is imported, and nothing has to start."""
    with serving_gateways(tmp_path_factory.mktemp("gateways") / "gateways.sqlite") as sandbox:
        yield sandbox


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
