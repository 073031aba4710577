"""The thread that calls webhooks: what it does besides, and when."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from provider_sandbox.clock import Clock
from provider_sandbox.database import Database
from provider_sandbox.webhooks.queue import WebhookQueue
from provider_sandbox.webhooks.sender import WebhookSender
from tests.support.waiting import wait_until


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[WebhookQueue]:
    with closing(Database(tmp_path / "d.sqlite")) as database:
        yield WebhookQueue(database)


def test_what_else_becomes_due_is_done_in_time(queue: WebhookQueue) -> None:
    clock, rounds = Clock(), list[float]()

    def next_round() -> float:
        rounds.append(clock.now())
        return rounds[-1] + 0.01

    sender = WebhookSender(queue, [], clock, next_round)
    sender.start()

    wait_until(lambda: len(rounds) > 3, "rounds that nothing else begins")
    sender.stop()


def test_a_sender_without_work_waits_until_something_changes(queue: WebhookQueue) -> None:
    rounds = list[None]()
    sender = WebhookSender(queue, [], Clock(), lambda: rounds.append(None))
    sender.start()
    wait_until(lambda: rounds, "the first round")

    queue.changed.set()
    wait_until(lambda: len(rounds) > 1, "another round")
    sender.stop()

    assert len(rounds) == 2
