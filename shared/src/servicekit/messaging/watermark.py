"""How far a partition is done without a gap."""

from collections.abc import Iterable, Mapping

Partition = tuple[str, int]
"""Topic and partition number."""


class Watermarks:
    """Which received offsets are done, and up to where a commit may go.

    Offsets to commit are the *next* ones to read, as Kafka wants them: everything below is done.
    """

    def __init__(self) -> None:
        self._waiting: dict[Partition, dict[int, bool]] = {}
        self._next: dict[Partition, int] = {}

    def received(self, partition: Partition, offsets: Iterable[int]) -> None:
        """Offsets, ascending, that must be done before a commit may pass them."""
        self._waiting.setdefault(partition, {}).update((offset, False) for offset in offsets)

    def done(self, partition: Partition, offset: int) -> None:
        """One of them is done; without effect for a partition that was revoked meanwhile."""
        waiting = self._waiting.get(partition)
        if waiting is None or offset not in waiting:
            return
        waiting[offset] = True
        for first in list(waiting):
            if not waiting[first]:
                break
            del waiting[first]
            self._next[partition] = first + 1

    def committable(self) -> Mapping[Partition, int]:
        """For each partition that advanced since :meth:`committed`, the next offset to read."""
        return dict(self._next)

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        for partition, offset in offsets.items():
            if self._next.get(partition) == offset:
                del self._next[partition]

    def revoked(self, partitions: Iterable[Partition]) -> None:
        """Forget these partitions: whoever owns them now reads from the last commit."""
        for partition in partitions:
            self._waiting.pop(partition, None)
            self._next.pop(partition, None)
