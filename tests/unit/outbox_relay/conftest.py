"""What the relay's unit tests share."""

import pytest

from tests.unit.outbox_relay.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()
