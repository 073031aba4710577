"""The consumer's step: commits follow work, the kind of error decides, a stuck partition holds itself."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from kafka import errors as kafka_errors
from kafka.errors import KafkaError, KafkaTimeoutError
from prometheus_client import REGISTRY

from servicekit.kafka.errors import may_pass
from servicekit.lifecycle import StopSignal
from servicekit.messaging.loop import ConsumerLoop, Taken
from servicekit.messaging.records import InvalidMessage, ReceivedRecord, UnreadableRecords
from servicekit.messaging.status import ConsumerStatus, ConsumerStuck, Partition
from tests.support.clock import Clock

TOPIC = "topic"
LONG = 60.0


class DatabaseDown(Exception):
    pass


def a_record(offset: int, value: bytes = b"ok", partition: int = 0) -> ReceivedRecord:
    return ReceivedRecord(TOPIC, partition, offset, b"key", value)


class LogSource:
    """A member of a group that owns whole partitions, each a list of records; remembers commits."""

    def __init__(self, *records: Taken) -> None:
        self.logs: dict[Partition, list[Taken]] = {}
        self.next: dict[Partition, int] = {}
        self.held: set[Partition] = set()
        self.commits: list[dict[Partition, int]] = []
        self.failures: list[Exception] = []
        self.revoke_next: set[Partition] = set()
        self.can_commit = True
        self.joining = False
        self.topic_missing: str | None = None
        self.append(*records)

    def append(self, *records: Taken) -> None:
        for record in records:
            partition = record.topic, record.partition
            self.logs.setdefault(partition, []).append(record)
            self.next.setdefault(partition, record.offset)

    def poll(self, timeout_seconds: float) -> Sequence[Taken]:
        if self.failures:
            raise self.failures.pop(0)
        polled = [
            record
            for partition, log in self.logs.items()
            if partition not in self.held
            for record in log
            if record.offset >= self.next[partition]
        ]
        self.next |= {(record.topic, record.partition): record.next_offset for record in polled}
        return polled

    def commit(self, offsets: Mapping[Partition, int]) -> bool:
        if self.can_commit:
            self.commits.append(dict(offsets))
        return self.can_commit

    def hold(self, partition: Partition, offset: int) -> None:
        self.held.add(partition)
        self.next[partition] = offset

    def release(self, partition: Partition) -> None:
        self.held.discard(partition)

    def positions(self) -> Mapping[Partition, tuple[int, int]]:
        return {
            partition: (self.next[partition], log[-1].next_offset) for partition, log in self.logs.items()
        }

    def is_joining(self) -> bool:
        return self.joining

    def why_topic_is_missing(self) -> str | None:
        return self.topic_missing

    def revoked(self) -> Iterable[Partition]:
        revoked, self.revoke_next = self.revoke_next, set()
        return revoked


class Collector:
    """A handler that can be made to fail."""

    def __init__(self) -> None:
        self.handled: list[tuple[int, int]] = []
        self.failures: list[Exception] = []
        self.refused: dict[tuple[int, int], str] = {}

    def parse(self, record: ReceivedRecord) -> tuple[int, int]:
        if record.value == b"bad":
            raise InvalidMessage("bad value")
        return record.partition, record.offset

    def handle(self, events: Sequence[tuple[int, int]]) -> Mapping[int, str]:
        if self.failures:
            raise self.failures.pop(0)
        self.handled.extend(event for event in events if event not in self.refused)
        return {place: self.refused[event] for place, event in enumerate(events) if event in self.refused}


class DeadLetters:
    def __init__(self) -> None:
        self.written: list[tuple[int, str]] = []
        self.failures: list[Exception] = []

    def write(self, record: Taken, reason: str) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.written.append((record.offset, reason))


class AppliedOffsets:
    """What a handler's database remembers."""

    def __init__(self) -> None:
        self.next: dict[Partition, int] = {}
        self.is_away = False

    @contextmanager
    def applying(self, next_offsets: Mapping[Partition, int]) -> Iterator[None]:
        yield
        self.save(next_offsets)

    def save(self, next_offsets: Mapping[Partition, int]) -> bool:
        if not self.is_away:
            self.next |= next_offsets
        return not self.is_away


class Consumer:
    """A loop with all that it works with, and a clock that stands still."""

    def __init__(self, *records: Taken) -> None:
        self.source, self.handler, self.dead_letters = LogSource(*records), Collector(), DeadLetters()
        self.clock, self.offsets = Clock(), AppliedOffsets()
        self.status = ConsumerStatus(TOPIC, stuck_after_seconds=10, clock=self.clock)
        self.loop = ConsumerLoop(
            self.source, self.handler, self.dead_letters, lambda error: isinstance(error, DatabaseDown),
            self.status, self.clock, self.offsets,
        )  # fmt: skip

    def step(self) -> int:
        return self.loop.step()

    def step_later(self) -> int:
        """A step after every pause has ended."""
        self.clock.now += LONG
        return self.loop.step()


def every_kafka_error(base: type[KafkaError] = KafkaError) -> Iterator[type[KafkaError]]:
    yield base
    for derived in base.__subclasses__():
        yield from every_kafka_error(derived)


def an_error(cls: type[KafkaError]) -> KafkaError:
    arguments: tuple[Any, ...] = ({},) if cls is kafka_errors.LogTruncationError else ()
    return cls(*arguments)


each_kafka_error = pytest.mark.parametrize("cls", sorted(set(every_kafka_error()), key=str))


def test_offset_is_committed_after_the_handler_returned() -> None:
    consumer = Consumer(a_record(0), a_record(1))
    assert consumer.step() == 2
    assert consumer.handler.handled == [(0, 0), (0, 1)]
    assert consumer.source.commits == [{(TOPIC, 0): 2}]


def test_transient_failure_commits_nothing_and_repeats_the_same_records() -> None:
    consumer = Consumer(a_record(0))
    consumer.handler.failures = [DatabaseDown(), DatabaseDown()]
    assert [consumer.step(), consumer.step_later()] == [0, 0]
    consumer.source.append(a_record(1))
    assert consumer.source.commits == []
    assert consumer.step_later() == 2
    assert consumer.handler.handled == [(0, 0), (0, 1)]


def test_failed_records_are_not_tried_again_before_their_pause_ends() -> None:
    consumer = Consumer(a_record(0))
    consumer.handler.failures = [DatabaseDown(), DatabaseDown()]
    consumer.step()
    consumer.step()
    assert len(consumer.handler.failures) == 1


def test_unexpected_error_ends_the_loop_without_a_commit() -> None:
    consumer = Consumer(a_record(0))
    consumer.handler.failures = [ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        consumer.loop.run(StopSignal())
    assert consumer.source.commits == []


@each_kafka_error
def test_every_kafka_error_of_a_poll_passes_or_ends_it(cls: type[KafkaError]) -> None:
    consumer = Consumer(a_record(0))
    consumer.source.failures = [an_error(cls), an_error(cls)]
    if not may_pass(an_error(cls)):
        with pytest.raises(cls):
            consumer.step()
        return
    assert [consumer.step(), consumer.step(), consumer.step()] == [0, 0, 1]
    assert consumer.handler.handled == [(0, 0)]
    assert consumer.source.commits == [{(TOPIC, 0): 1}]


@each_kafka_error
def test_every_kafka_error_of_a_dead_letter_passes_or_ends_it(cls: type[KafkaError]) -> None:
    consumer = Consumer(a_record(0, b"bad"))
    consumer.dead_letters.failures = [an_error(cls)]
    if not may_pass(an_error(cls)):
        with pytest.raises(cls):
            consumer.step()
        return
    assert [consumer.step(), consumer.step_later()] == [0, 1]
    assert consumer.dead_letters.written == [(0, "bad value")]


def test_only_what_the_program_got_wrong_ends_it() -> None:
    ending = {cls.__name__ for cls in every_kafka_error() if not may_pass(an_error(cls))}
    assert ending == {
        "IllegalArgumentError", "IllegalStateError", "InvalidCommitOffsetSizeError", "InvalidGroupIdError",
        "InvalidRequiredAcksError", "InvalidTopicError", "KafkaConfigurationError",
        "OffsetMetadataTooLargeError",
    }  # fmt: skip


@pytest.mark.parametrize("number", [-1, 128, 9_999])
def test_error_number_that_the_client_does_not_know_passes(number: int) -> None:
    assert may_pass(kafka_errors.for_code(number)())


@pytest.mark.parametrize(("error", "passes"), [(ConnectionResetError(), True), (KeyError("p"), False)])
def test_other_errors_of_a_poll_pass_only_from_the_network(error: Exception, passes: bool) -> None:
    assert may_pass(error) is passes


def test_invalid_record_is_dead_lettered_and_the_rest_flows_on() -> None:
    consumer = Consumer(a_record(0), a_record(1, b"bad"), a_record(2))
    consumer.step()
    assert consumer.handler.handled == [(0, 0), (0, 2)]
    assert consumer.dead_letters.written == [(1, "bad value")]
    assert consumer.source.commits == [{(TOPIC, 0): 3}]


def test_unreadable_range_is_set_aside_and_stepped_over() -> None:
    consumer = Consumer(a_record(0), UnreadableRecords(TOPIC, 0, 1, 5, "codec"), a_record(5))
    assert consumer.step() == 3
    assert consumer.handler.handled == [(0, 0), (0, 5)]
    assert consumer.dead_letters.written == [(1, "codec")]
    assert consumer.source.commits == [{(TOPIC, 0): 6}]


def test_unwritten_dead_letter_holds_its_partition_and_no_other() -> None:
    consumer = Consumer(a_record(0), a_record(1, b"bad"), a_record(0, partition=1))
    consumer.dead_letters.failures = [KafkaTimeoutError()] * 3
    consumer.step()
    assert consumer.source.commits == [{(TOPIC, 0): 1, (TOPIC, 1): 1}]
    consumer.source.append(a_record(2), a_record(1, partition=1))
    consumer.step()
    consumer.step_later()
    assert consumer.handler.handled == [(0, 0), (1, 0), (1, 1)]
    assert consumer.source.commits[-1] == {(TOPIC, 1): 2}


def test_partition_goes_on_once_its_dead_letter_is_written() -> None:
    consumer = Consumer(a_record(0), a_record(1, b"bad"), a_record(2))
    consumer.dead_letters.failures = [KafkaTimeoutError()] * 2
    for _ in range(4):
        consumer.step_later()
    assert consumer.dead_letters.written == [(1, "bad value")]
    assert (0, 2) in consumer.handler.handled
    assert consumer.source.commits[-1] == {(TOPIC, 0): 3}


def test_records_behind_a_stuck_one_are_not_handled_with_every_attempt() -> None:
    consumer = Consumer(a_record(0, b"bad"), a_record(1))
    consumer.dead_letters.failures = [KafkaTimeoutError()] * 3
    for _ in range(3):
        consumer.step_later()
    assert consumer.handler.handled == [(0, 1)]


def test_offset_not_committed_is_forgotten_with_its_partition() -> None:
    consumer = Consumer(a_record(0))
    consumer.source.can_commit = False
    consumer.step()
    consumer.source.append(a_record(0, partition=1))
    consumer.source.can_commit = True
    consumer.source.revoke_next = {(TOPIC, 0)}
    consumer.step()
    assert consumer.source.commits == [{(TOPIC, 1): 1}]


def test_partition_that_came_back_in_the_same_poll_keeps_its_new_records() -> None:
    consumer = Consumer(a_record(7))
    consumer.source.revoke_next = {(TOPIC, 0)}
    assert consumer.step() == 1
    assert consumer.source.commits == [{(TOPIC, 0): 8}]


def test_held_partition_that_comes_back_at_once_is_polled_again() -> None:
    consumer = Consumer(a_record(0))
    consumer.handler.failures = [DatabaseDown()]
    consumer.step()
    consumer.source.revoke_next = {(TOPIC, 0)}
    assert [consumer.step(), consumer.step()] == [0, 1]


def test_failed_commit_is_tried_again_with_the_next_step() -> None:
    consumer = Consumer(a_record(0))
    consumer.source.can_commit = False
    consumer.step()
    consumer.source.can_commit = True
    consumer.step()
    assert consumer.source.commits == [{(TOPIC, 0): 1}]


def test_event_that_its_handler_refuses_goes_to_the_dead_letters() -> None:
    consumer = Consumer(a_record(0), a_record(1), a_record(2))
    consumer.handler.refused = {(0, 1): "nobody asked"}
    consumer.dead_letters.failures = [KafkaTimeoutError()]

    # The letter can't be written yet, so the offset waits with it.
    consumer.step()
    assert consumer.source.commits == [{(TOPIC, 0): 1}]
    consumer.step_later()
    consumer.step()

    assert consumer.dead_letters.written == [(1, "nobody asked")]
    assert consumer.source.commits[-1] == {(TOPIC, 0): 3}


def test_unwritten_dead_letter_does_not_count_as_applied() -> None:
    consumer = Consumer(a_record(0), a_record(1, b"bad"), a_record(2))
    consumer.dead_letters.failures = [KafkaTimeoutError()]
    consumer.step()
    assert consumer.offsets.next == {(TOPIC, 0): 1}
    consumer.step_later()
    consumer.step()
    assert consumer.offsets.next == {(TOPIC, 0): 3}


def test_dead_letter_is_committed_once_the_database_knows_of_it() -> None:
    consumer = Consumer(a_record(0, b"bad"))
    consumer.offsets.is_away = True
    consumer.step()
    consumer.step_later()
    assert (consumer.dead_letters.written, consumer.source.commits) == ([(0, "bad value")], [])
    consumer.offsets.is_away = False
    consumer.step_later()
    assert (consumer.offsets.next, consumer.source.commits) == ({(TOPIC, 0): 1}, [{(TOPIC, 0): 1}])


def test_refused_event_that_waits_at_the_beginning_is_committed() -> None:
    """The database counts it as applied, so without a committed offset it would be passed over."""
    consumer = Consumer(a_record(0), a_record(1))
    consumer.handler.refused = {(0, 0): "nobody asked"}
    consumer.dead_letters.failures = [KafkaTimeoutError()]
    consumer.step()
    assert consumer.source.commits == [{(TOPIC, 0): 0}]


def test_nothing_waits_and_readiness_is_well_when_all_is_done() -> None:
    consumer = Consumer(a_record(0))
    consumer.step()
    consumer.step_later()
    assert consumer.status.seconds_since_progress() == 0
    consumer.status.check()


def test_readiness_names_the_record_that_is_stuck_and_why() -> None:
    consumer = Consumer(a_record(0), a_record(1, b"bad"))
    consumer.dead_letters.failures = [KafkaTimeoutError("secret.example.com")] * 9
    consumer.step()
    consumer.status.check()
    consumer.step_later()
    with pytest.raises(ConsumerStuck, match=r"^topic partition 0 at offset 1 for 60 s \(dead_letter: KafkaT"):
        consumer.status.check()
    assert consumer.status.seconds_since_progress() == LONG


def test_readiness_names_kafka_when_no_poll_is_answered() -> None:
    consumer = Consumer()
    consumer.source.failures = [KafkaTimeoutError(), KafkaTimeoutError()]
    consumer.step()
    consumer.step_later()
    with pytest.raises(ConsumerStuck, match=r"no answer from Kafka for 60 s \(poll: KafkaTimeoutError\)"):
        consumer.status.check()
    consumer.step()
    consumer.status.check()


def test_readiness_says_that_the_group_gives_no_place() -> None:
    consumer = Consumer()
    consumer.source.joining = True
    consumer.step()
    consumer.status.check()
    consumer.step_later()
    with pytest.raises(ConsumerStuck, match=r"^topic: not in its group for 60 s \(joining\)$"):
        consumer.status.check()
    assert consumer.status.seconds_since_progress() == LONG
    consumer.source.joining = False
    consumer.step()
    consumer.status.check()


def test_readiness_names_the_topic_that_kafka_does_not_have() -> None:
    consumer = Consumer()
    consumer.source.topic_missing = "UnknownTopicOrPartitionError"
    consumer.step()
    consumer.status.check()
    consumer.step_later()
    with pytest.raises(ConsumerStuck, match=r"^topic: not found in Kafka for 60 s \(UnknownTopicOr"):
        consumer.status.check()
    assert sample("consumer_seconds_since_progress") == LONG
    consumer.source.topic_missing = None
    consumer.step()
    consumer.status.check()
    assert sample("consumer_seconds_since_progress") == 0


def test_member_without_partitions_of_a_topic_that_exists_is_ready() -> None:
    consumer = Consumer()
    consumer.step()
    consumer.step_later()
    consumer.status.check()
    assert sample("consumer_seconds_since_progress") == 0


def test_readiness_recovers_once_the_stuck_record_is_done() -> None:
    consumer = Consumer(a_record(0, b"bad"))
    consumer.dead_letters.failures = [KafkaTimeoutError()]
    consumer.step()
    consumer.step_later()
    consumer.status.check()
    assert consumer.status.seconds_since_progress() == 0


def test_partition_of_another_member_is_not_waited_for() -> None:
    consumer = Consumer(a_record(0))
    consumer.handler.failures = [DatabaseDown()]
    consumer.step()
    consumer.source.logs.clear()
    consumer.source.revoke_next = {(TOPIC, 0)}
    consumer.step_later()
    assert consumer.status.seconds_since_progress() == 0


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"topic": TOPIC, **labels}) or 0.0


def test_records_that_wait_for_the_comparison_of_offsets_say_so() -> None:
    clock, before = Clock(), sample("consumer_postponements_total", reason="offsets")
    status = ConsumerStatus(TOPIC, stuck_after_seconds=10, clock=clock)
    status.settled({(TOPIC, 0): (0, 5), (TOPIC, 1): (7, 7)})
    status.offsets_postponed([(TOPIC, 0), (TOPIC, 1)], "OperationalError")
    clock.now += 11
    status.settled({(TOPIC, 0): (0, 5), (TOPIC, 1): (7, 7)})
    with pytest.raises(ConsumerStuck, match=r"^topic partition 0 at offset 0 for 11 s \(offsets: Operation"):
        status.check()
    assert sample("consumer_records_waiting") == 5
    assert sample("consumer_postponements_total", reason="offsets") == before + 1
    status.settled({(TOPIC, 0): (5, 5), (TOPIC, 1): (7, 7)})
    status.check()


def test_metrics_say_what_waits_and_what_was_set_aside() -> None:
    names = ("consumer_dead_letters_total", "consumer_unreadable_records_total")
    before = {name: sample(name) for name in names}
    postponed = sample("consumer_postponements_total", reason="dead_letter")
    consumer = Consumer(a_record(0), UnreadableRecords(TOPIC, 0, 1, 5, "codec"), a_record(5))
    consumer.dead_letters.failures = [KafkaTimeoutError()]
    consumer.step()
    consumer.clock.now += 7
    assert sample("consumer_lag", partition="0") == 5
    assert sample("consumer_records_waiting") == 5
    assert sample("consumer_seconds_since_progress") == 7
    assert sample("consumer_postponements_total", reason="dead_letter") == postponed + 1
    for _ in range(2):
        consumer.step_later()
    assert {name: sample(name) - before[name] for name in names} == {names[0]: 1, names[1]: 4}
    assert sample("consumer_lag", partition="0") == 0
    assert sample("consumer_records_waiting") == 0
    assert sample("consumer_seconds_since_progress") == 0
