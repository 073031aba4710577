"""The deliveries that a process holds: those that wait for their slot, and those that are being attempted."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from notification_service.application.attempt_delivery import Ended
from notification_service.application.ports import MaySend
from notification_service.domain.attempt import Released
from notification_service.domain.delivery import ClaimedDelivery
from servicekit.lease_clock import lease_clock_seconds

# A stop is noticed so soon.
_LONGEST_WAIT_SECONDS = 0.2
# Attempts that end together are taken together: the caller wakes once for them, and not for each.
_GATHERING_SECONDS = 0.01
# What is looked up before it is sent begins so much before its time.
_LOOK_UP_SECONDS = 0.1


@dataclass(slots=True)
class Turn:
    """A claimed delivery; it goes at ``at`` by this process's clock, and not after ``latest``."""

    delivery: ClaimedDelivery
    at: float
    latest: float
    may_send: MaySend

    def released(self) -> Ended:
        return Ended(Released(self.delivery))


class DeliveryFlow:
    """Attempts each turn in a thread of the pool, once its time has come.

    The threads take the turns in their order and wait for the time themselves: the caller, who may be busy
    with a transaction, makes none of them late. A thread goes on with the next turn by itself. What has to be
    looked up first is, a little earlier: ``may_send`` waits for the time.
    """

    def __init__(
        self,
        pool: Executor,
        attempt: Callable[[ClaimedDelivery, MaySend], Ended],
        most_threads: float = math.inf,
    ) -> None:
        """``most_threads``: as many as the pool has, for more would only wait there."""
        self._pool = pool
        self._attempt = attempt
        self._most_threads = most_threads
        self._threads = 0
        self._lock = threading.Lock()
        self._held = 0
        self._is_released = threading.Event()
        self._waiting: deque[Turn] = deque()
        self._done: SimpleQueue[Ended | Turn | BaseException] = SimpleQueue()
        self._late: list[Turn] = []
        self._error: BaseException | None = None

    def __len__(self) -> int:
        return self._held

    def add(self, turns: Iterable[Turn]) -> None:
        with self._lock:
            before = len(self._waiting)
            self._waiting.extend(turns)
            added = len(self._waiting) - before
            self._held += added
            # One for each turn: the threads that go on may be busy for long.
            begun = int(min(added, self._most_threads - self._threads))
            self._threads += begun
        for _ in range(begun):
            self._pool.submit(self._take_turns)

    def release(self) -> None:
        """Give up the turns that have not sent anything yet: :meth:`proceed` returns them."""
        self._is_released.set()

    def take_late(self) -> Sequence[Turn]:
        """Remove the turns that a thread took after their latest time."""
        late, self._late = self._late, []
        self._held -= len(late)
        return late

    def proceed(self, until: float) -> Sequence[Ended]:
        """Wait for attempts to end, at most ``until`` and not for long; returns those that have.

        Raises what the attempts of an earlier call raised.
        """
        if self._error is not None:
            raise self._error
        seconds = min(_LONGEST_WAIT_SECONDS, max(0.0, until - lease_clock_seconds()))
        ended: list[Ended] = []
        with suppress(Empty):
            done = self._done.get(timeout=seconds)
            if self._held > 1:
                time.sleep(_GATHERING_SECONDS)
            while True:
                self._take(done, ended)
                done = self._done.get_nowait()
        return ended

    def _take(self, done: Ended | Turn | BaseException, ended: list[Ended]) -> None:
        if isinstance(done, BaseException):
            # Once those that have ended are returned.
            self._error = self._error or done
            return
        if isinstance(done, Turn):
            self._late.append(done)
            return
        self._held -= 1
        ended.append(done)

    def _take_turns(self) -> None:
        while (turn := self._next_turn()) is not None:
            try:
                self._done.put(self._run(turn))
            except BaseException as error:  # noqa: BLE001 - raised by the caller's thread
                self._done.put(error)

    def _next_turn(self) -> Turn | None:
        # A thread that adds a turn meanwhile must not count on a thread that has found none.
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._threads -= 1
            return None

    def _run(self, turn: Turn) -> Ended | Turn:
        early_seconds = _LOOK_UP_SECONDS if turn.delivery.may_have_been_sent else 0.0
        # Another slot would be lost on a turn whose lease is spent.
        if not self._may_go_on(turn, turn.at - early_seconds):
            return turn.released()
        if lease_clock_seconds() > turn.latest:
            return turn
        return self._attempt(turn.delivery, lambda: self._may_go_on(turn, turn.at))

    def _may_go_on(self, turn: Turn, at: float) -> bool:
        seconds = at - lease_clock_seconds()
        is_released = self._is_released.wait(seconds) if seconds > 0 else self._is_released.is_set()
        return not is_released and turn.may_send()
