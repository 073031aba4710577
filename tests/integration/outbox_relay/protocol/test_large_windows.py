"""Where a large window begins, which is looked for partition by partition."""

from collections.abc import Iterator
from unittest import mock

import pytest

from outbox_relay.protocol.relay import Idle
from tests.integration.outbox_relay.protocol.broker_model import BrokerModel
from tests.integration.outbox_relay.protocol.stoppable_relay import Connections, ModelClock, StoppableRelay
from tests.support.relay.outbox import Outbox, an_outbox


@pytest.fixture
def outbox(database_url: str) -> Iterator[Outbox]:
    """An outbox that has no partition but the default one."""
    with an_outbox(database_url, "topic") as outbox:
        for (name,) in outbox.run("SELECT name FROM outbox_partition_bounds()"):
            outbox.run(f"DROP TABLE {name}")
        yield outbox


@pytest.fixture(autouse=True)
def _every_window_is_large() -> Iterator[None]:
    with mock.patch("outbox_relay.postgresql.source._LARGE_WINDOW", 1):
        yield


def test_large_window_without_partitions_is_published(outbox: Outbox) -> None:
    outbox.append("a", 1)
    assert published(outbox) == 1


def test_large_window_that_begins_before_any_partition_is_published(outbox: Outbox) -> None:
    outbox.append("a", 1)
    for _ in range(2):
        outbox.run("SELECT outbox_add_partitions(10, 2, '1 day')")
    for number in range(2, 30):
        outbox.append("a", number)
    assert outbox.run("SELECT count(*) FROM outbox_default1") == [(1,)]
    assert published(outbox) == 29


def published(outbox: Outbox) -> int:
    broker = BrokerModel()
    administrator = outbox.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    connections = Connections(outbox.relay_url, administrator)
    relay = StoppableRelay(
        "only",
        connections,
        ModelClock(),
        broker,
        lambda: None,
        page_events=7,
        page_bytes=10_000,
        pages_per_turn=2,
    )
    try:
        relay.beat()
        while not isinstance(relay.result, Idle):
            relay.turn()
    finally:
        relay.kill()
        connections.dispose()
        administrator.close()
    return sum(map(len, broker.log))
