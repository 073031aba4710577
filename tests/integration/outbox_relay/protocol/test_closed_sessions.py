"""In the model the locks of a closed session are free before anything goes on, however busy the server."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

import pytest

from tests.integration.outbox_relay.protocol.broker_model import Fate
from tests.integration.outbox_relay.protocol.database import a_protocol_database
from tests.integration.outbox_relay.protocol.machine import Heirs, ProtocolMachine

_SLOW_SECONDS = 0.5


@pytest.fixture
def machine(database_url: str) -> Iterator[ProtocolMachine]:
    """With one relay, which leads."""
    with a_protocol_database(database_url) as database:

        class Machine(ProtocolMachine):
            pass

        Machine.database = database
        machine = Machine()
        machine.begin(
            shards=1, page_events=1, page_bytes=100_000, pages_per_turn=1, large_window=20_000,
            partitions=False, count=1, is_shared=False, is_one_parked=False,
        )  # fmt: skip
        machine.turn(0, Fate.ACKNOWLEDGED, 0, None)
        yield machine
        machine.teardown()


@contextmanager
def slow_to_close(machine: ProtocolMachine) -> Iterator[None]:
    """The server's process for the relay's leadership stands still for a moment."""
    pid = machine.database.relays[0].pids["leadership"]
    os.kill(pid, signal.SIGSTOP)
    going_on = Timer(_SLOW_SECONDS, os.kill, [pid, signal.SIGCONT])
    going_on.start()
    try:
        yield
    finally:
        going_on.join()


def test_relay_that_closes_its_session_leads_again_at_once(machine: ProtocolMachine) -> None:
    machine.lose_session(0, "work")
    machine.turn(0, Fate.ACKNOWLEDGED, 0, None)
    with slow_to_close(machine):
        machine.beat(0, 0.0)
        assert machine.relays[0].shards == {0}


def test_successor_of_a_relay_that_died_leads_at_once(machine: ProtocolMachine) -> None:
    with slow_to_close(machine):
        machine.crash(0, Heirs.ITS_SUCCESSOR)
        assert machine.relays[0].shards == {0}
