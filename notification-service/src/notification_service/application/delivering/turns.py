"""The turns that wait for their slot, and which of them go together."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from notification_service.application.attempt_delivery import Ended
from notification_service.application.ports import MaySend
from notification_service.domain.attempt import Released
from notification_service.domain.delivery import ClaimedDelivery

# So long a turn waits for others. With the lateness that a turn is allowed, it stays within what a limit that
# is counted strictly leaves free.
TOGETHER_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Place:
    """Where a delivery may go in a batch: beside those of its ``kind``, one for each ``recipient``.

    Providers drop the second message to a number within one request.
    """

    kind: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Together:
    """``attempt`` attempts several deliveries by one call, at most ``most``; it raises nothing.

    ``place_of`` says which of them go in one call; None of one that goes alone.
    """

    most: int
    place_of: Callable[[ClaimedDelivery], Place | None]
    attempt: Callable[[Sequence[ClaimedDelivery], MaySend], Sequence[Ended]]


@dataclass(slots=True)
class Turn:
    """A claimed delivery; it goes at ``at`` by this process's clock, and not after ``latest``.

    Without a ``place``, it goes alone.
    """

    delivery: ClaimedDelivery
    at: float
    latest: float
    may_send: MaySend
    place: Place | None = None

    def released(self) -> Ended:
        return Ended(Released(self.delivery))


class WaitingTurns:
    """In the order of their slots. For one thread at a time."""

    def __init__(self, most_together: int) -> None:
        self._most_together = most_together
        self._turns: deque[Turn] = deque()

    def __len__(self) -> int:
        return len(self._turns)

    def add(self, turns: Iterable[Turn]) -> None:
        self._turns.extend(turns)

    def take(self, now: float, *, singly: bool = False) -> list[Turn]:
        """The next turn, and those that may go with it: their slots have come, or come soon after its own."""
        first = self._turns.popleft()
        if singly or first.place is None:
            return [first]
        taken, left, recipients = [first], list[Turn](), {first.place.recipient}
        until = max(first.at + TOGETHER_SECONDS, now)
        # Those that don't fit are few, or else the way to others is too long.
        while self._turns and len(taken) < self._most_together and len(left) < self._most_together:
            if self._turns[0].at > until:
                break
            turn = self._turns.popleft()
            place = turn.place
            if place is None or place.kind != first.place.kind or place.recipient in recipients:
                left.append(turn)
                continue
            taken.append(turn)
            recipients.add(place.recipient)
        self._turns.extendleft(reversed(left))
        return taken
