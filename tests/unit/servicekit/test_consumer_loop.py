"""The consumer's step: commits follow work, errors are distinguished by kind, revoked work is dropped."""

from collections.abc import Iterable, Mapping, Sequence

import pytest
from kafka.errors import KafkaTimeoutError

from servicekit.lifecycle import StopSignal
from servicekit.messaging.loop import ConsumerLoop, Partition
from servicekit.messaging.records import InvalidMessage, ReceivedRecord


class DatabaseDown(Exception):
    pass


def a_record(offset: int, value: bytes = b"ok", partition: int = 0) -> ReceivedRecord:
    return ReceivedRecord("topic", partition, offset, b"key", value)


class ScriptedSource:
    """Plays given polls, like a broker would; remembers commits."""

    def __init__(self, *polls: Sequence[ReceivedRecord]) -> None:
        self.polls = list(polls)
        self.commits: list[dict[Partition, int]] = []
        self.revoke_next: set[Partition] = set()
        self.can_commit = True

    def poll(self, timeout_seconds: float) -> Sequence[ReceivedRecord]:
        return self.polls.pop(0) if self.polls else []

    def commit(self, offsets: Mapping[Partition, int]) -> bool:
        if self.can_commit:
            self.commits.append(dict(offsets))
        return self.can_commit

    def revoked(self) -> Iterable[Partition]:
        revoked, self.revoke_next = self.revoke_next, set()
        return revoked


class Collector:
    """A handler that can be made to fail."""

    def __init__(self) -> None:
        self.handled: list[int] = []
        self.failures: list[Exception] = []
        self.refused: dict[int, str] = {}

    def parse(self, record: ReceivedRecord) -> int:
        if record.value == b"bad":
            raise InvalidMessage("bad value")
        return record.offset

    def handle(self, events: Sequence[int]) -> Mapping[int, str]:
        if self.failures:
            raise self.failures.pop(0)
        self.handled.extend(event for event in events if event not in self.refused)
        return {place: self.refused[event] for place, event in enumerate(events) if event in self.refused}


class DeadLetters:
    def __init__(self) -> None:
        self.written: list[tuple[int, str]] = []
        self.failures: list[Exception] = []

    def write(self, record: ReceivedRecord, reason: str) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.written.append((record.offset, reason))


def a_loop(source: ScriptedSource, handler: Collector, dead_letters: DeadLetters) -> ConsumerLoop[int]:
    return ConsumerLoop(source, handler, dead_letters, lambda error: isinstance(error, DatabaseDown))


def test_offset_is_committed_after_the_handler_returned() -> None:
    source, handler = ScriptedSource([a_record(0), a_record(1)]), Collector()
    assert a_loop(source, handler, DeadLetters()).step() == 2
    assert handler.handled == [0, 1]
    assert source.commits == [{("topic", 0): 2}]


def test_transient_failure_commits_nothing_and_repeats_the_same_records() -> None:
    source, handler = ScriptedSource([a_record(0)], [a_record(1)]), Collector()
    handler.failures = [DatabaseDown(), DatabaseDown()]
    loop = a_loop(source, handler, DeadLetters())
    assert [loop.step(), loop.step()] == [0, 0]
    assert source.commits == []
    assert loop.last_error is not None
    assert [loop.step(), loop.step()] == [1, 1]
    assert handler.handled == [0, 1]
    assert loop.last_error is None


def test_unexpected_error_ends_the_loop_without_a_commit() -> None:
    source, handler = ScriptedSource([a_record(0)]), Collector()
    handler.failures = [ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        a_loop(source, handler, DeadLetters()).run(StopSignal())
    assert source.commits == []


def test_invalid_record_is_dead_lettered_and_the_rest_flows_on() -> None:
    source, handler, dead_letters = (
        ScriptedSource([a_record(0), a_record(1, b"bad"), a_record(2)]),
        Collector(),
        DeadLetters(),
    )
    a_loop(source, handler, dead_letters).step()
    assert handler.handled == [0, 2]
    assert dead_letters.written == [(1, "bad value")]
    assert source.commits == [{("topic", 0): 3}]


def test_unwritten_dead_letter_holds_the_commit_back_until_it_is_written() -> None:
    source, handler, dead_letters = (
        ScriptedSource([a_record(0), a_record(1, b"bad"), a_record(2)]),
        Collector(),
        DeadLetters(),
    )
    dead_letters.failures = [KafkaTimeoutError()]
    loop = a_loop(source, handler, dead_letters)
    loop.step()
    assert source.commits == [{("topic", 0): 1}]
    loop.step()
    assert handler.handled == [0, 2]
    assert source.commits == [{("topic", 0): 1}, {("topic", 0): 3}]


def test_nothing_is_polled_while_records_wait() -> None:
    source, handler = ScriptedSource([a_record(0)], [a_record(1)]), Collector()
    handler.failures = [DatabaseDown(), DatabaseDown(), DatabaseDown()]
    loop = a_loop(source, handler, DeadLetters())
    for _ in range(3):
        loop.step()
    assert len(source.polls) == 1


def test_offset_not_committed_is_forgotten_with_its_partition() -> None:
    source, handler = ScriptedSource([a_record(0)], [a_record(0, partition=1)]), Collector()
    source.can_commit = False
    loop = a_loop(source, handler, DeadLetters())
    loop.step()
    source.can_commit = True
    source.revoke_next = {("topic", 0)}
    loop.step()
    assert source.commits == [{("topic", 1): 1}]


def test_partition_that_came_back_in_the_same_poll_keeps_its_new_records() -> None:
    source, handler = ScriptedSource([a_record(7)]), Collector()
    source.revoke_next = {("topic", 0)}
    assert a_loop(source, handler, DeadLetters()).step() == 1
    assert source.commits == [{("topic", 0): 8}]


def test_failed_commit_is_tried_again_with_the_next_step() -> None:
    source, handler = ScriptedSource([a_record(0)]), Collector()
    source.can_commit = False
    loop = a_loop(source, handler, DeadLetters())
    loop.step()
    source.can_commit = True
    loop.step()
    assert source.commits == [{("topic", 0): 1}]


def test_an_event_that_its_handler_refuses_goes_to_the_dead_letters() -> None:
    source, handler, dead_letters = (
        ScriptedSource([a_record(0), a_record(1), a_record(2)]),
        Collector(),
        DeadLetters(),
    )
    handler.refused = {1: "nobody asked"}
    dead_letters.failures = [KafkaTimeoutError()]
    loop = a_loop(source, handler, dead_letters)

    # The letter can't be written yet: only this record waits, and its offset with it.
    assert (loop.step(), source.commits) == (2, [{("topic", 0): 1}])
    loop.step()

    assert (handler.handled, dead_letters.written) == ([0, 2], [(1, "nobody asked")])
    assert source.commits[-1] == {("topic", 0): 3}
