"""How far a consumer is and what holds it up, for metrics and readiness."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from prometheus_client import Counter, Gauge

from servicekit.messaging.starting_offset import SURPRISES, Surprise

Partition = tuple[str, int]
"""Topic and partition number."""

Stage = Literal["poll", "offsets", "handling", "dead_letter", "commit"]
STAGES: tuple[Stage, ...] = ("poll", "offsets", "handling", "dead_letter", "commit")

_LAG = Gauge("consumer_lag", "Records of a partition that are not done.", ["topic", "partition"])
_WAITING = Gauge(
    "consumer_records_waiting", "Records of partitions that are held for another attempt.", ["topic"]
)
_SECONDS = Gauge(
    "consumer_seconds_since_progress",
    "For how long records wait, or Kafka's answer, the topic or a place in the group; 0 when nothing does.",
    ["topic"],
)
_POSTPONEMENTS = Counter(
    "consumer_postponements", "Attempts that failed and are repeated, by what failed.", ["topic", "reason"]
)
_DEAD_LETTERS = Counter("consumer_dead_letters", "Records written to the dead-letter topic.", ["topic"])
_UNREADABLE = Counter(
    "consumer_unreadable_records", "Offsets stepped over because their bytes can't be read.", ["topic"]
)
_SURPRISES = Counter(
    "consumer_offset_surprises",
    "Partitions whose offsets Kafka and the database disagree about, or whose records are gone.",
    ["topic", "reason"],
)
_UNANSWERED, _WITHOUT_PLACE, _WITHOUT_TOPIC = "no answer from Kafka", "not in its group", "not found in Kafka"
# A partition's end is known once Kafka has answered for it; until then it looks as if all were done.
_ENDS_KNOWN_SECONDS = 10.0
SURPRISE_SHOWN_SECONDS = 600.0
"""How long readiness shows one."""


class ConsumerStuck(Exception):
    """Records have waited for too long; the message says which, since when and why."""


@dataclass(slots=True)
class _Progress:
    offset: int
    """Of the first record that isn't done."""
    end: int
    waiting_since: float | None = None
    reason: str | None = None
    """Why its latest attempt failed; None where it has not been tried."""


class ConsumerStatus:
    """What one consumer of ``topic`` is doing. The loop writes it; any thread may ask.

    Reasons name classes of errors and not their messages, which may hold addresses and values.
    """

    def __init__(
        self, topic: str, stuck_after_seconds: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._topic = topic
        self._stuck_after_seconds = stuck_after_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._partitions: dict[Partition, _Progress] = {}
        self._hindrances: dict[str, tuple[float, str]] = {}
        """What keeps all partitions waiting, since when and why."""
        self._surprises: dict[Partition, tuple[float, str]] = {}
        self._owned: frozenset[Partition] = frozenset()
        self._owned_since = 0.0
        self._caught_up_at: float | None = None
        _SECONDS.labels(topic).set_function(self.seconds_since_progress)
        # From zero on: an increase from nothing to one is invisible to Prometheus.
        _WAITING.labels(topic).set(0)
        for stage in STAGES:
            _POSTPONEMENTS.labels(topic, stage).inc(0)
        for surprise in SURPRISES:
            _SURPRISES.labels(topic, surprise).inc(0)
        _DEAD_LETTERS.labels(topic).inc(0)
        _UNREADABLE.labels(topic).inc(0)

    def polled(self, first_offsets: Mapping[Partition, int]) -> None:
        """A poll was answered; ``first_offsets`` are those of the records that it brought."""
        with self._lock:
            self._hinder(_UNANSWERED, None)
            now = self._clock()
            for partition, offset in first_offsets.items():
                progress = self._partitions.setdefault(partition, _Progress(offset, offset + 1))
                progress.offset, progress.end = offset, max(progress.end, offset + 1)
                progress.waiting_since = now if progress.waiting_since is None else progress.waiting_since

    def poll_failed(self, reason: str) -> None:
        """Kafka didn't answer a poll."""
        with self._lock:
            self._hinder(_UNANSWERED, f"poll: {reason}")
        _POSTPONEMENTS.labels(self._topic, "poll").inc()

    def joining(self, is_joining: bool) -> None:
        """Whether the member waits for the group to say which partitions are its own."""
        with self._lock:
            self._hinder(_WITHOUT_PLACE, "joining" if is_joining else None)

    def topic_missing(self, reason: str | None) -> None:
        """Kafka has no such topic, or doesn't show it; None where it does.

        A member that has no partitions of a topic that exists is idle, and waits for nothing.
        """
        with self._lock:
            self._hinder(_WITHOUT_TOPIC, reason)

    def postponed(self, partition: Partition, offset: int, stage: Stage, reason: str) -> None:
        """The partition's first record that isn't done, the one at ``offset``, is tried again later."""
        with self._lock:
            progress = self._partitions.get(partition)
            if progress is not None:
                if offset != progress.offset:
                    progress.offset, progress.waiting_since = offset, self._clock()
                progress.reason = f"{stage}: {reason}"
        _POSTPONEMENTS.labels(self._topic, stage).inc()

    def offsets_postponed(self, partitions: Iterable[Partition], reason: str) -> None:
        """Offsets of these can't be compared or stored now; what waits of them waits for that."""
        with self._lock:
            for partition in partitions:
                if partition in self._partitions:
                    self._partitions[partition].reason = f"offsets: {reason}"
        _POSTPONEMENTS.labels(self._topic, "offsets").inc()

    def commit_failed(self) -> None:
        """Done records will come again to the next owner of their partitions."""
        _POSTPONEMENTS.labels(self._topic, "commit").inc()

    def dead_lettered(self) -> None:
        """A dead letter was acknowledged."""
        _DEAD_LETTERS.labels(self._topic).inc()

    def stepped_over(self, offsets: int) -> None:
        """So many offsets were set aside unread."""
        _UNREADABLE.labels(self._topic).inc(offsets)

    def surprised(self, partition: Partition, surprise: Surprise, offset: int, missing: int) -> None:
        """Readiness says it for :data:`SURPRISE_SHOWN_SECONDS`; ``missing`` offsets are gone."""
        topic, number = partition
        gone = f", {missing} offsets are gone" if missing else ""
        text = f"{topic} partition {number}: {surprise}, goes on at offset {offset}{gone}"
        with self._lock:
            self._surprises[partition] = self._clock(), text
        _SURPRISES.labels(self._topic, surprise).inc()

    def settled(self, positions: Mapping[Partition, tuple[int, int]]) -> None:
        """A step has ended: by partition the offset of the first record that isn't done, and the end.

        Partitions that aren't named belong to another member.
        """
        with self._lock:
            for lost in self._partitions.keys() - positions.keys():
                del self._partitions[lost]
                _LAG.remove(self._topic, str(lost[1]))
            now = self._clock()
            for partition, (offset, end) in positions.items():
                progress = self._partitions.setdefault(partition, _Progress(offset, end))
                if offset != progress.offset:
                    progress.waiting_since = progress.reason = None
                progress.offset, progress.end = offset, max(end, offset)
                if progress.end == offset:
                    progress.waiting_since = progress.reason = None
                elif progress.waiting_since is None:
                    progress.waiting_since = now
                _LAG.labels(self._topic, str(partition[1])).set(progress.end - offset)
            self._note_if_caught_up(frozenset(positions), now)
            _WAITING.labels(self._topic).set(
                sum(held.end - held.offset for held in self._partitions.values() if held.reason is not None)
            )

    def is_caught_up(self, within_seconds: float) -> bool:
        """Whether all records of this member's partitions were done at a moment not longer ago than that.

        False without partitions: other members know.
        """
        with self._lock:
            return self._caught_up_at is not None and self._clock() - self._caught_up_at <= within_seconds

    def _note_if_caught_up(self, owned: frozenset[Partition], now: float) -> None:
        if owned != self._owned:
            self._owned, self._owned_since, self._caught_up_at = owned, now, None
        is_done = all(progress.offset == progress.end for progress in self._partitions.values())
        if owned and not self._hindrances and is_done and now - self._owned_since >= _ENDS_KNOWN_SECONDS:
            self._caught_up_at = now

    def _hinder(self, what: str, reason: str | None) -> None:
        since, _ = self._hindrances.pop(what, (self._clock(), ""))
        if reason is not None:
            self._hindrances[what] = since, reason

    def seconds_since_progress(self) -> float:
        """The longest that anything has waited; 0 when nothing waits."""
        with self._lock:
            since = [progress.waiting_since for progress in self._partitions.values()]
            since += [start for start, _ in self._hindrances.values()]
            return max((self._clock() - start for start in since if start is not None), default=0.0)

    def check(self) -> None:
        """Raises :class:`ConsumerStuck` when something has waited for longer than the setting allows."""
        with self._lock:
            now = self._clock()
            stuck = [
                (since, f"{self._topic}: {what}", reason)
                for what, (since, reason) in sorted(self._hindrances.items())
            ]
            for (topic, number), progress in sorted(self._partitions.items()):
                if progress.waiting_since is not None:
                    where = f"{topic} partition {number} at offset {progress.offset}"
                    stuck.append((progress.waiting_since, where, progress.reason or "no attempt has ended"))
            said = [
                f"{where} for {now - since:.0f} s ({reason})"
                for since, where, reason in stuck
                if now - since > self._stuck_after_seconds
            ]
            said += [text for since, text in self._surprises.values() if now - since < SURPRISE_SHOWN_SECONDS]
        if said:
            raise ConsumerStuck("; ".join(said))
