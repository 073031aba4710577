"""The deliveries that a process holds: those that wait for their slot, and those that are being attempted."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass

from notification_service.application.attempt_delivery import Ended
from notification_service.application.ports import MaySend
from notification_service.domain.attempt import Released
from notification_service.domain.delivery import ClaimedDelivery
from servicekit.lease_clock import lease_clock_seconds

# A stop is noticed so soon.
_LONGEST_SLEEP_SECONDS = 0.2


@dataclass(slots=True)
class Turn:
    """A claimed delivery; it goes at ``at`` by this process's clock."""

    delivery: ClaimedDelivery
    at: float
    may_send: MaySend

    def released(self) -> Ended:
        return Ended(Released(self.delivery))


class DeliveryFlow:
    """Begins each turn in the pool once its time has come, in the order of their times."""

    def __init__(self, pool: Executor, attempt: Callable[[ClaimedDelivery, MaySend], Ended]) -> None:
        self._pool = pool
        self._attempt = attempt
        self._waiting: deque[Turn] = deque()
        self._under_way: set[Future[Ended]] = set()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._under_way)

    def add(self, turns: Iterable[Turn]) -> None:
        self._waiting.extend(turns)

    def release(self) -> Sequence[Ended]:
        """Give up the turns that have not begun."""
        released = [turn.released() for turn in self._waiting]
        self._waiting.clear()
        return released

    def take_late(self, late_seconds: float) -> Sequence[Turn]:
        """Remove the turns whose time passed so long ago, without having begun."""
        until = lease_clock_seconds() - late_seconds
        late: list[Turn] = []
        while self._waiting and self._waiting[0].at < until:
            late.append(self._waiting.popleft())
        return late

    def proceed(self, until: float) -> Sequence[Ended]:
        """Begin what is due, and wait for attempts to end, at most ``until``; returns those that have."""
        self._begin_due()
        if self._waiting:
            until = min(until, self._waiting[0].at)
        seconds = max(0.0, until - lease_clock_seconds())
        if not self._under_way:
            time.sleep(min(seconds, _LONGEST_SLEEP_SECONDS))
            return []
        ended, self._under_way = wait(self._under_way, seconds, FIRST_COMPLETED)
        return [attempt.result() for attempt in ended]

    def _begin_due(self) -> None:
        while self._waiting and self._waiting[0].at <= lease_clock_seconds():
            turn = self._waiting.popleft()
            self._under_way.add(self._pool.submit(self._attempt, turn.delivery, turn.may_send))
