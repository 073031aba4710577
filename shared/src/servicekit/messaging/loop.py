"""The consumer's loop over a testable step."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, Protocol, TypeVar

import structlog

from servicekit.backoff import Backoff
from servicekit.kafka.errors import may_pass
from servicekit.lifecycle import StopSignal
from servicekit.messaging.dead_letters import DeadLetterWriter
from servicekit.messaging.handler import MessageHandler
from servicekit.messaging.records import InvalidMessage, ReceivedRecord, UnreadableRecords
from servicekit.messaging.status import ConsumerStatus, Partition, Stage
from servicekit.observability.tracing import consumer_spans

POLL_TIMEOUT_SECONDS = 0.25
BACKOFF = Backoff(first_seconds=0.2, longest_seconds=5.0)
# An attempt at an unwritable dead letter takes seconds that the other partitions wait for.
DEAD_LETTER_BACKOFF = Backoff(first_seconds=0.2, longest_seconds=30.0)

EventT = TypeVar("EventT")
Taken = ReceivedRecord | UnreadableRecords
Pages = dict[Partition, list[Taken]]
_log = structlog.get_logger(__name__)


class RecordSource(Protocol):
    """What the loop needs of a Kafka consumer.

    Its position in each partition is the only memory of where to go on, so that a rebalance, which happens
    inside of :meth:`poll` and nowhere else, can't lose what was taken and isn't done.
    """

    def poll(self, timeout_seconds: float) -> Sequence[Taken]:
        """Records in offset order within each partition, maybe none. Raises what the client raises."""
        ...

    def commit(self, offsets: Mapping[Partition, int]) -> bool:
        """Commit next offsets; False when that wasn't possible, which costs a redelivery and nothing else."""
        ...

    def hold(self, partition: Partition, offset: int) -> None:
        """Go back, or on, to ``offset`` and poll nothing of this partition until it is released."""
        ...

    def release(self, partition: Partition) -> None:
        """Poll it again; nothing happens where it isn't held or belongs to another member."""
        ...

    def positions(self) -> Mapping[Partition, tuple[int, int]]:
        """Of the partitions that are assigned: the next offset to poll, and the end where it is known."""
        ...

    def is_joining(self) -> bool:
        """Whether the group hasn't yet said which partitions are this member's, which may be none."""
        ...

    def why_topic_is_missing(self) -> str | None:
        """The error's name, as far as is known without asking; None where the topic has partitions."""
        ...

    def revoked(self) -> Iterable[Partition]:
        """Partitions given up since the last call; some of them may have come back at once."""
        ...


class OffsetRecord(Protocol):
    """What a consumer's own database remembers of how far it has come."""

    def applying(self, next_offsets: Mapping[Partition, int]) -> AbstractContextManager[None]:
        """Inside of the block the handler's transaction saves these."""
        ...

    def save(self, next_offsets: Mapping[Partition, int]) -> bool:
        """Save them without any effect; False when that has to be tried again before they are committed."""
        ...


class ConsumerLoop(Generic[EventT]):
    """Takes records, applies them, and commits offsets after that; see the package's docstring."""

    def __init__(
        self,
        source: RecordSource,
        handler: MessageHandler[EventT],
        dead_letters: DeadLetterWriter,
        is_transient: Callable[[BaseException], bool],
        status: ConsumerStatus,
        clock: Callable[[], float] = time.monotonic,
        offsets: OffsetRecord | None = None,
    ) -> None:
        self._offsets = offsets
        self._source = source
        self._handler = handler
        self._dead_letters = dead_letters
        self._is_transient = is_transient
        self._status = status
        self._clock = clock
        self._uncommitted: dict[Partition, int] = {}
        self._unsaved: dict[Partition, int] = {}
        """Of dead letters, which the database doesn't know yet: a commit ahead of it would blame it."""
        self._save_failures = 0
        self._save_again_at = 0.0
        self._failures: defaultdict[Partition, int] = defaultdict(int)
        self._held_until: dict[Partition, float] = {}
        self._unwritten: set[Partition] = set()
        """Partitions whose next record is a dead letter that couldn't be written."""
        self._poll_failures = 0

    def run(self, stop: StopSignal) -> None:
        """Step until ``stop`` is set. Raises what neither passes by itself nor is transient."""
        while not stop.is_set():
            self.step()
            stop.wait(BACKOFF.seconds(self._poll_failures))

    def step(self) -> int:
        """Take one poll's records through to the commit; how many were done.

        What can't be done now is polled again later: its partition is held at the first such record, while
        the others go on. Polling never ends, so an outage doesn't cost the membership.
        """
        self._release_due()
        pages = self._poll()
        done = self._process(pages) if pages else 0
        self._save()
        if self._uncommitted:
            if self._source.commit(self._uncommitted):
                self._uncommitted = {}
            else:
                self._status.commit_failed()
        self._status.joining(self._source.is_joining())
        self._status.topic_missing(self._source.why_topic_is_missing())
        self._status.settled(self._source.positions())
        return done

    def _poll(self) -> Pages:
        records: Sequence[Taken] = ()
        try:
            records = self._source.poll(POLL_TIMEOUT_SECONDS)
        except Exception as error:
            if not may_pass(error):
                raise
            self._poll_failures += 1
            self._status.poll_failed(type(error).__name__)
            _log.warning("poll_failed", reason=_one_line(error), attempt=self._poll_failures)
        else:
            self._poll_failures = 0
        for partition in self._source.revoked():
            self._forget(partition)
        pages: Pages = {}
        for record in records:
            pages.setdefault((record.topic, record.partition), []).append(record)
        for partition in self._unwritten & pages.keys():
            # Alone: what is behind it would be handled once more with every attempt.
            first = pages[partition][0]
            pages[partition] = [first]
            self._go_on(partition, first.next_offset)
        if not self._poll_failures:
            self._status.polled({partition: page[0].offset for partition, page in pages.items()})
        return pages

    def _process(self, pages: Pages) -> int:
        events, valid, refused = self._parse(pages)
        if events:
            late = self._handle(events, valid, pages, _applied_ends(pages, refused))
            if late is None:
                return 0
            refused = sorted(refused + late, key=lambda refusal: refusal[0].offset)
        stuck = self._set_all_aside(refused)
        written = sum(
            record.offset < stuck.get((record.topic, record.partition), record.next_offset)
            for record, _ in refused
        )
        done, have_refused = 0, {(record.topic, record.partition) for record, _ in refused}
        for partition, page in pages.items():
            next_offset = stuck.get(partition, page[-1].next_offset)
            # Also where it stays: what the handler refused counts as applied; only Kafka knows that it waits.
            if next_offset > page[0].offset or (events and partition in stuck):
                self._finish(partition, next_offset, partition in have_refused)
            done += sum(record.offset < next_offset for record in page)
        for partition in pages.keys() - stuck.keys():
            self._failures.pop(partition, None)
            self._unwritten.discard(partition)
        _log.info("batch_handled", handled=done - written, dead_lettered=written)
        return done

    def _finish(self, partition: Partition, next_offset: int, has_dead_letters: bool) -> None:
        if has_dead_letters and self._offsets is not None:
            self._uncommitted.pop(partition, None)
            self._unsaved[partition] = next_offset
        else:
            self._unsaved.pop(partition, None)
            self._uncommitted[partition] = next_offset

    def _save(self) -> None:
        """Let the database know of dead letters, and commit only these offsets then."""
        if self._offsets is None or not self._unsaved or self._clock() < self._save_again_at:
            return
        if self._offsets.save(self._unsaved):
            self._uncommitted.update(self._unsaved)
            self._unsaved, self._save_failures, self._save_again_at = {}, 0, 0.0
        else:
            self._save_failures += 1
            self._save_again_at = self._clock() + BACKOFF.seconds(self._save_failures)

    def _parse(self, pages: Pages) -> tuple[list[EventT], list[ReceivedRecord], list[tuple[Taken, str]]]:
        events: list[EventT] = []
        valid: list[ReceivedRecord] = []
        refused: list[tuple[Taken, str]] = []
        for record in (record for page in pages.values() for record in page):
            if isinstance(record, UnreadableRecords):
                refused.append((record, record.reason))
                continue
            try:
                events.append(self._handler.parse(record))
                valid.append(record)
            except InvalidMessage as error:
                refused.append((record, error.reason))
            except Exception:
                _log.error(
                    "record_not_parsed",
                    topic=record.topic, partition=record.partition, offset=record.offset,
                )  # fmt: skip
                raise
        return events, valid, refused

    def _handle(
        self,
        events: Sequence[EventT],
        valid: Sequence[ReceivedRecord],
        pages: Pages,
        ends: Mapping[Partition, int],
    ) -> list[tuple[Taken, str]] | None:
        """What the handler refuses, with reasons; None where everything has to be handled once more."""
        try:
            offsets = nullcontext() if self._offsets is None else self._offsets.applying(ends)
            with consumer_spans(valid[0].topic, map(_trace_headers, valid)), offsets:
                late = self._handler.handle(events) or {}
        except Exception as error:
            if not self._is_transient(error):
                raise
            for partition, page in pages.items():
                self._postpone(partition, page[0].offset, "handling", error)
            return None
        return [(valid[place], reason) for place, reason in late.items()]

    def _set_all_aside(self, refused: Iterable[tuple[Taken, str]]) -> dict[Partition, int]:
        """Where a dead letter can't be written: the offsets at which these partitions wait."""
        stuck: dict[Partition, int] = {}
        for record, reason in refused:
            partition = record.topic, record.partition
            if partition not in stuck and not self._set_aside(record, reason):
                stuck[partition] = record.offset
        return stuck

    def _set_aside(self, record: Taken, reason: str) -> bool:
        partition = record.topic, record.partition
        try:
            self._dead_letters.write(record, reason)
        except Exception as error:
            if not may_pass(error):
                raise
            self._unwritten.add(partition)
            self._postpone(partition, record.offset, "dead_letter", error)
            return False
        self._status.dead_lettered()
        if isinstance(record, UnreadableRecords):
            self._status.stepped_over(record.next_offset - record.offset)
        _log.warning(
            "message_dead_lettered",
            topic=record.topic, partition=record.partition, offset=record.offset,
            next_offset=record.next_offset, reason=reason,
        )  # fmt: skip
        return True

    def _postpone(self, partition: Partition, offset: int, stage: Stage, error: Exception) -> None:
        self._failures[partition] += 1
        backoff = DEAD_LETTER_BACKOFF if stage == "dead_letter" else BACKOFF
        self._held_until[partition] = self._clock() + backoff.seconds(self._failures[partition])
        self._source.hold(partition, offset)
        self._status.postponed(partition, offset, stage, type(error).__name__)
        _log.warning(
            "batch_postponed",
            topic=partition[0], partition=partition[1], offset=offset, stage=stage,
            reason=_one_line(error), attempt=self._failures[partition],
        )  # fmt: skip

    def _release_due(self) -> None:
        now = self._clock()
        for partition in [partition for partition, until in self._held_until.items() if until <= now]:
            del self._held_until[partition]
            self._source.release(partition)

    def _go_on(self, partition: Partition, offset: int) -> None:
        self._source.hold(partition, offset)
        self._source.release(partition)

    def _forget(self, partition: Partition) -> None:
        self._uncommitted.pop(partition, None)
        self._unsaved.pop(partition, None)
        self._failures.pop(partition, None)
        self._unwritten.discard(partition)
        if self._held_until.pop(partition, None) is not None:
            # It may have come back at once, still held.
            self._source.release(partition)


def _applied_ends(pages: Pages, refused: Iterable[tuple[Taken, str]]) -> dict[Partition, int]:
    """Up to where the handler applies each page: behind that waits what is no dead letter yet."""
    ends = {partition: page[-1].next_offset for partition, page in pages.items()}
    for record, _ in refused:
        partition = record.topic, record.partition
        ends[partition] = min(ends[partition], record.offset)
    return ends


def _one_line(error: BaseException) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0] if text else ''}"


def _trace_headers(record: ReceivedRecord) -> dict[str, str]:
    headers = {name: record.header(name) for name in ("traceparent", "tracestate")}
    return {name: value for name, value in headers.items() if value is not None}
