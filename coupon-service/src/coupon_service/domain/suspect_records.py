"""Records of the topic that a dead letter may explain."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator

from coupon_service.domain.reconciling import DeadLetterState, Place

_STATES: tuple[DeadLetterState | None, ...] = (None, "OPEN", "REPLAYED", "DISCARDED")


class SuspectRecords:
    """Places of records, each with the state of its dead letter, in 9 bytes a record."""

    def __init__(self) -> None:
        self._offsets: dict[int, array[int]] = {}
        self._states: dict[int, bytearray] = {}

    def add(self, place: Place) -> None:
        """To be called in the order of each partition's offsets."""
        partition, offset = place
        self._offsets.setdefault(partition, array("q")).append(offset)
        self._states.setdefault(partition, bytearray()).append(_STATES.index(None))

    def saw_letter(self, place: Place, state: DeadLetterState) -> None:
        """A dead letter of that record, if it is one of these. Of several, one that was handled counts."""
        partition, number = place[0], self._find(place)
        if number is not None and (state != "OPEN" or self.letter_of(place) is None):
            self._states[partition][number] = _STATES.index(state)

    def letter_of(self, place: Place) -> DeadLetterState | None:
        number = self._find(place)
        return None if number is None else _STATES[self._states[place[0]][number]]

    def __iter__(self) -> Iterator[tuple[Place, DeadLetterState | None]]:
        for partition, offsets in self._offsets.items():
            for offset, state in zip(offsets, self._states[partition], strict=True):
                yield (partition, offset), _STATES[state]

    def _find(self, place: Place) -> int | None:
        partition, offset = place
        offsets = self._offsets.get(partition, array("q"))
        number = bisect_left(offsets, offset)
        return number if number < len(offsets) and offsets[number] == offset else None
