"""kafka-python's producer, given whole batches instead of records.

What is kafka-python's stays so: connections, metadata, the producer id and its sequence numbers, retries, the
order of a partition's batches. Only its way from a record to a batch is left out, and with it a future for
each record. That reaches into its accumulator, which is no public interface: the release is pinned, and
``test_record.py`` and the tests on a broker fail if another one doesn't fit.
"""

from collections.abc import Callable, Iterator
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import IllegalStateError, KafkaError
from kafka.partitioner.default import murmur2
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.memory_records import MemoryRecordsBuilder
from kafka.util import ensure_valid_topic_name

from outbox_relay.kafka.record import RecordBatch
from outbox_relay.protocol.model import TopicIdentity

_MAGIC = 2
_NO_COMPRESSION = 0
_STOP_TIMEOUT_SECONDS = 5
_STOPPED = "the producer has been stopped"

OnFailure = Callable[[BaseException], None]


def partition_of(key: str, partitions: int) -> int:
    """Where the default partitioner of Kafka's Java client, and of kafka-python, puts this key."""
    hashed: int = murmur2(key.encode()) & 0x7FFFFFFF
    return hashed % partitions


class BatchFuture:
    """The outcome of one batch of so many records."""

    def __init__(self, future: Any, records: int) -> None:
        self._future = future
        self._records = records

    def failure(self, timeout_seconds: float) -> BaseException | None:
        """Wait: why the batch failed, or None once it is acknowledged. Raises TimeoutError."""
        if not self._future.wait(timeout_seconds):
            raise TimeoutError
        return _failure(self._future.value, self._records)

    def is_acknowledged(self) -> bool:
        """Whether the broker is known to have it; doesn't wait."""
        return self._future.succeeded() and _failure(self._future.value, self._records) is None


class BatchProducer(KafkaProducer):  # type: ignore[misc]  # kafka-python has no type information
    """A producer of encoded batches that can be stopped without delivering what it holds.

    ``close(timeout=0)`` is no such thing: it first flushes, which raises when something is left, and the
    thread that sends goes on.
    """

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        # kafka-python would split a batch that is too large into two, and report the outcome of neither.
        self._sender._can_split = _never
        self._partitions: dict[str, dict[str, int]] = {}
        self._counts: dict[str, int] = {}
        self._identities: dict[str, TopicIdentity] = {}
        # Called in the sending thread, before anything is sent by what the metadata say: a batch that waits
        # for its topic would go to whatever topic gets that name next.
        self._metadata.add_listener(self._stop_if_made_anew)

    def partition_of(self, topic: str, key: str) -> int:
        """Where :func:`partition_of` puts this key; remembered, since keys come again."""
        partitions = self._partitions[topic]
        partition = partitions.get(key)
        if partition is None:
            if len(partitions) >= _CACHED_KEYS:
                partitions.clear()
            partition = partition_of(key, self._counts[topic])
            partitions[key] = partition
        return partition

    def knows(self, topic: str) -> bool:
        """Whether it has metadata of this topic. Raises ValueError for a name that no topic can have."""
        if self._metadata.partitions_for_topic(topic) is not None:
            return True
        ensure_valid_topic_name(topic)
        return False

    def learn_partitions(self, topic: str) -> None:
        """Have metadata of this topic; to be called before :meth:`partition_of`.

        Once another topic has its name, nothing more is sent, as after :meth:`stop_sending`. Raises as
        partitions_for, and IllegalStateError when the producer has been stopped.
        """
        try:
            count = len(self.partitions_for(topic))
        except RuntimeError as error:
            # kafka-python has closed what would wake its thread up.
            raise IllegalStateError(_STOPPED) from error
        if self._counts.get(topic) != count:
            self._counts[topic] = count
            self._partitions[topic] = {}
        self._identities.setdefault(topic, self.identity(topic))

    def identity(self, topic: str) -> TopicIdentity:
        """Which topic of which cluster it sends to by this name, as of the latest metadata."""
        topic_id = self._metadata.topic_id(topic)
        # A broker that gives topics no ids sends zeros.
        return TopicIdentity(
            str(self._metadata.cluster_id), str(topic_id) if topic_id and topic_id.int else None
        )

    def send_batch(self, batch: RecordBatch, time_ms: int, on_failure: OnFailure) -> BatchFuture:
        """Send it behind all earlier ones of its partition; its records have this time.

        ``on_failure`` is called in the sending thread before the next batch of this partition may go.
        """
        partition = TopicPartition(batch.topic, batch.partition)
        pending = ProducerBatch(partition, _records(batch, time_ms))
        records = len(batch.events)
        pending.produce_future.add_callback(lambda value: _report(_failure(value, records), on_failure))
        accumulator = self._accumulator
        accumulator._appends_in_progress.increment()
        try:
            with accumulator._tp_lock(partition):
                if not accumulator._closed:
                    accumulator._incomplete.add(pending)
                    accumulator._batches[partition].append(pending)
        finally:
            accumulator._appends_in_progress.decrement()
        if accumulator._closed and not pending.is_done:
            pending.abort(IllegalStateError(_STOPPED))
        self._sender.wakeup()
        return BatchFuture(pending.produce_future, records)

    def stop_sending(self) -> None:
        """Send nothing that isn't on its way already. Returns at once; any thread may call it."""
        self._sender.force_close()

    def abort(self) -> None:
        """Stop sending, let every open future fail, and close."""
        self.stop_sending()
        self._sender.join(_STOP_TIMEOUT_SECONDS)
        if not self._sender.is_alive():
            # Every future is done by now, so the flush inside returns and nothing is left to wait for.
            self.close(timeout=_STOP_TIMEOUT_SECONDS)

    def _stop_if_made_anew(self, _: object) -> None:
        for topic, known in list(self._identities.items()):
            if self.identity(topic).is_other_than(known):
                self.stop_sending()


_CACHED_KEYS = 50_000


def _never(*_: object) -> bool:
    return False


def _records(batch: RecordBatch, time_ms: int) -> MemoryRecordsBuilder:
    records = MemoryRecordsBuilder(_MAGIC, _NO_COMPRESSION, len(batch.body))
    builder = records._builder
    builder._buffer += batch.body
    builder._num_records = records._next_offset = len(batch.events)
    builder._last_offset = len(batch.events) - 1
    builder._first_timestamp = builder._max_timestamp = time_ms
    return records


def _failure(value: Any, records: int) -> BaseException | None:
    _, _, exception_of_record = value
    if exception_of_record is None:
        return None
    exceptions: Iterator[BaseException] = map(exception_of_record, range(records))
    # Where some records are to blame, kafka-python has only a bare KafkaError for the others of the batch.
    return next((error for error in exceptions if type(error) is not KafkaError), exception_of_record(0))


def _report(failure: BaseException | None, on_failure: OnFailure) -> None:
    if failure is not None:
        on_failure(failure)
