"""One sandbox for all tests of the providers' doubles."""

from collections.abc import Iterator

import pytest

from tests.integration.provider_sandbox.doubles import Doubles, serving_doubles
from tests.integration.provider_sandbox.webhook_receiver import WebhookReceiver


@pytest.fixture(scope="session")
def running_doubles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doubles]:
    with serving_doubles(tmp_path_factory.mktemp("doubles") / "sandbox.sqlite") as doubles:
        yield doubles


@pytest.fixture
def doubles(running_doubles: Doubles) -> Doubles:
    running_doubles.reset()
    return running_doubles


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running
