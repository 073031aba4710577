from collections.abc import Iterator

import pytest

from tests.support.gateway_sandbox import GatewaySandbox, serving_gateways


@pytest.fixture(scope="session")
def _gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewaySandbox]:
    with serving_gateways(tmp_path_factory.mktemp("gateways") / "gateways.sqlite") as running:
        yield running


@pytest.fixture
def sandbox(_gateways: GatewaySandbox) -> GatewaySandbox:
    """Payment gateways that keep nothing and fail nowhere yet."""
    _gateways.reset()
    return _gateways
