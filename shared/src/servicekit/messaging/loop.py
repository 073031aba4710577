"""The consumer's loop over a testable step."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import structlog
from kafka.errors import KafkaError

from servicekit.backoff import Backoff
from servicekit.lifecycle import StopSignal
from servicekit.messaging.dead_letters import DeadLetterWriter
from servicekit.messaging.handler import MessageHandler
from servicekit.messaging.records import InvalidMessage, ReceivedRecord
from servicekit.observability.tracing import consumer_spans

POLL_TIMEOUT_SECONDS = 0.25
BACKOFF = Backoff(first_seconds=0.2, longest_seconds=5.0)

Partition = tuple[str, int]
"""Topic and partition number."""

EventT = TypeVar("EventT")
_log = structlog.get_logger(__name__)


class RecordSource(Protocol):
    """What the loop needs of a Kafka consumer."""

    def poll(self, timeout_seconds: float) -> Sequence[ReceivedRecord]:
        """Records in offset order within each partition, maybe none. Rebalances happen in here."""
        ...

    def commit(self, offsets: Mapping[Partition, int]) -> bool:
        """Commit next offsets; False when that wasn't possible, which costs a redelivery and nothing else."""
        ...

    def revoked(self) -> Iterable[Partition]:
        """Partitions given up since the last call; some of them may have come back at once."""
        ...


class ConsumerLoop(Generic[EventT]):
    """Takes records, applies them, and commits offsets after that; see the package's docstring."""

    def __init__(
        self,
        source: RecordSource,
        handler: MessageHandler[EventT],
        dead_letters: DeadLetterWriter,
        is_transient: Callable[[BaseException], bool],
    ) -> None:
        self._source = source
        self._handler = handler
        self._dead_letters = dead_letters
        self._is_transient = is_transient
        self._batch: Sequence[ReceivedRecord] = []
        self._pending: list[ReceivedRecord] = []
        self._uncommitted: dict[Partition, int] = {}
        self._failures = 0
        self.last_error: str | None = None

    def run(self, stop: StopSignal) -> None:
        """Step until ``stop`` is set. Raises what a handler raises that isn't transient."""
        while not stop.is_set():
            self.step()
            if self._pending:
                stop.wait(BACKOFF.seconds(self._failures))

    def step(self) -> int:
        """Take one poll's records, or again those that failed, through to the commit; how many were done.

        Nothing is polled while records wait: partitions can then only be given up when all that was taken
        from them is done. kafka-python goes on from its own position in a partition that comes back to it in
        a rebalance, so what was taken before and dropped would never be seen again. A database that is away
        for longer than ``max.poll.interval.ms`` costs the membership, which the next poll renews.
        """
        if not self._pending:
            self._batch = self._source.poll(POLL_TIMEOUT_SECONDS)
            self._pending = list(self._batch)
            for partition in self._source.revoked():
                self._uncommitted.pop(partition, None)
        done = self._attempt() if self._pending else 0
        if done:
            self._uncommitted |= _next_offsets(self._batch, self._pending)
        if self._uncommitted and self._source.commit(self._uncommitted):
            self._uncommitted = {}
        return done

    def _attempt(self) -> int:
        count = len(self._pending)
        try:
            self._process(self._pending)
        except Exception as error:
            if not (isinstance(error, KafkaError) or self._is_transient(error)):
                raise
            self._failures += 1
            self.last_error = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            _log.warning("batch_postponed", reason=self.last_error, attempt=self._failures, records=count)
            return count - len(self._pending)
        self._failures, self.last_error = 0, None
        return count

    def _process(self, records: Sequence[ReceivedRecord]) -> None:
        events: list[EventT] = []
        valid: list[ReceivedRecord] = []
        invalid: list[tuple[ReceivedRecord, str]] = []
        for record in records:
            try:
                events.append(self._handler.parse(record))
                valid.append(record)
            except InvalidMessage as error:
                invalid.append((record, error.reason))
        if events:
            with consumer_spans(valid[0].topic, map(_trace_headers, valid)):
                refused = self._handler.handle(events) or {}
            invalid += [(valid[place], reason) for place, reason in refused.items()]
            self._done([record for place, record in enumerate(valid) if place not in refused])
        for record, reason in invalid:
            self._dead_letters.write(record, reason)
            self._done([record])
            _log.warning(
                "message_dead_lettered",
                topic=record.topic, partition=record.partition, offset=record.offset, reason=reason,
            )  # fmt: skip
        _log.info("batch_handled", handled=len(records) - len(invalid), dead_lettered=len(invalid))

    def _done(self, records: Sequence[ReceivedRecord]) -> None:
        finished = {(record.topic, record.partition, record.offset) for record in records}
        self._pending = [
            record for record in self._pending
            if (record.topic, record.partition, record.offset) not in finished
        ]  # fmt: skip


def _next_offsets(batch: Sequence[ReceivedRecord], pending: Sequence[ReceivedRecord]) -> dict[Partition, int]:
    """What Kafka wants committed: by partition the first pending offset, else the one behind the batch."""
    offsets = {(record.topic, record.partition): record.offset + 1 for record in batch}
    return offsets | {(record.topic, record.partition): record.offset for record in reversed(pending)}


def _trace_headers(record: ReceivedRecord) -> dict[str, str]:
    headers = {name: record.header(name) for name in ("traceparent", "tracestate")}
    return {name: value for name, value in headers.items() if value is not None}
