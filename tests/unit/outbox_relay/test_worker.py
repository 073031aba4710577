"""A source's worker, whose relay works on ports that live in memory."""

from typing import Any, cast

from outbox_relay.protocol.pace import Pace
from outbox_relay.protocol.relay import Relay
from outbox_relay.running.status import StatusBoard
from outbox_relay.running.worker import SourceWorker
from tests.unit.outbox_relay.ports import MemoryDeadLetters, MemoryPublisher, MemorySource, of_shard

LETTERS = 20


def a_worker(relay: Relay) -> SourceWorker:
    """One that is only asked to relay."""
    board = StatusBoard()
    board.add("test")
    unused = cast("Any", None)
    return SourceWorker(
        "test",
        relay=relay,
        leadership=unused,
        retention=unused,
        measure=unused,
        board=board,
        pace=Pace(0.01, 0.01),
        abandon=lambda: None,
        stop_publishing=lambda: None,
        watchdog=unused,
        work_watchdog=unused,
        close=unused,
    )


def test_replays_that_are_refused_one_by_one_do_not_wait_for_each_other() -> None:
    source, letters = MemorySource([]), [of_shard(0, position) for position in range(1, LETTERS + 1)]
    publisher = MemoryPublisher(rejects=dict.fromkeys(range(1, LETTERS), "too_large"))
    dead_letters = MemoryDeadLetters(replaying=letters)
    worker = a_worker(Relay(source, dead_letters, publisher))
    publisher.before_send = lambda: worker.stop() if len(dead_letters.replaying) == 1 else None

    worker.relay_once()

    assert sorted(dead_letters.parked) == list(range(1, LETTERS))
    assert publisher.arrived() == [LETTERS]
    assert len(source.windows_opened) <= LETTERS
