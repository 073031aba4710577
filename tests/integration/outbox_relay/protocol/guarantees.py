"""What writers did, what arrived, and whether that keeps the relay's guarantees."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


class Violated(AssertionError):
    """A guarantee isn't kept."""

    def __init__(self, guarantee: str, what: str) -> None:
        self.guarantee = guarantee
        super().__init__(f"{guarantee}: {what}")


@dataclass
class WrittenEvent:
    """An event and when, counted in actions of the test, it was written and committed."""

    event_id: str
    key: str
    label: str
    written_at: int
    committed_at: int | None = None
    is_discarded: bool = False
    is_forgotten: bool = False
    """Neither the broker nor the outbox has it any more."""

    def comes_before(self, other: "WrittenEvent") -> bool:
        """Whether a reader must see it first.

        The transaction had committed when the other event was written, which includes both that it had when
        the other's transaction began, and that the other's transaction waited for its lock. Or they are of
        one transaction.
        """
        if self.key != other.key or self.committed_at is None or other.committed_at is None:
            return False
        same_transaction = self.committed_at == other.committed_at
        return (
            self.written_at < other.written_at if same_transaction else self.committed_at < other.written_at
        )


@dataclass
class History:
    """Everything that writers did."""

    events: dict[str, WrittenEvent] = field(default_factory=dict)

    def committed(self) -> list[WrittenEvent]:
        return [event for event in self.events.values() if event.committed_at is not None]

    def check_log(self, partitions: Iterable[Sequence[str]]) -> None:
        """Nothing invented, and of each key first occurrences in order, as far as it has got."""
        for partition in partitions:
            first: dict[str, int] = {}
            for place, event_id in enumerate(partition):
                first.setdefault(event_id, place)
            self._check_existence(first)
            self._check_order(first)

    def check_arrived(self, guarantee: str, partitions: Iterable[Sequence[str]], excused: set[str]) -> None:
        """Every committed event has arrived."""
        arrived = {event_id for partition in partitions for event_id in partition}
        for event in self.committed():
            if event.event_id not in arrived | excused and not (event.is_discarded or event.is_forgotten):
                raise Violated(guarantee, f"{event.label} has not been published")

    def check_once(self, partitions: Iterable[Sequence[str]]) -> None:
        """Nothing has gone wrong, so nothing is repeated."""
        for partition in partitions:
            for event_id in set(partition):
                if partition.count(event_id) > 1:
                    label = self.events[event_id].label
                    raise Violated("repetition", f"{label} is repeated although nothing has failed")

    def _check_existence(self, first: dict[str, int]) -> None:
        for event_id in first:
            event = self.events.get(event_id)
            if event is None or event.committed_at is None:
                raise Violated("invented", f"{event.label if event else event_id} has not been committed")

    def _check_order(self, first: dict[str, int]) -> None:
        never = len(self.events) + max(first.values(), default=0)
        for later in (self.events[event_id] for event_id in first):
            for earlier in self.events.values():
                if (
                    earlier.is_discarded
                    or later.is_discarded
                    or earlier.is_forgotten
                    or not earlier.comes_before(later)
                ):
                    continue
                if first.get(earlier.event_id, never) > first[later.event_id]:
                    raise Violated("order", f"{later.label} is published before {earlier.label}")
