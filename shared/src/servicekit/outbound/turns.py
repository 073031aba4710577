"""Calls that are slow or hang, and the threads that they leave to others."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 1.0
"""Nobody waits for longer, and a call that has lasted for longer hangs."""


class Turns:
    """Lets ``at_once`` threads at a time call an external service, and ``waiting_at_most`` wait for that.

    Turns are given in the order in which they were asked for. There is none, at once, where so many wait
    already or half of the calls hang, and none once the wait has lasted for PATIENCE_SECONDS in all: however
    slow the service is, it keeps no more threads than these, and the others serve what doesn't need it.
    """

    def __init__(
        self, at_once: int, waiting_at_most: int = 0, clock_seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once = at_once
        self._waiting_at_most = waiting_at_most
        self._clock_seconds = clock_seconds
        self._lock = threading.Lock()
        self._taken = 0
        self._waiting: deque[threading.Event] = deque()
        self._calling_since: dict[object, float] = {}

    @contextmanager
    def one(self) -> Iterator[bool]:
        """A turn for as long as the context lasts; false where there is none."""
        is_taken = self._take()
        try:
            yield is_taken
        finally:
            if is_taken:
                self._give_back()

    @contextmanager
    def calling(self) -> Iterator[None]:
        """To be entered around each call, with a turn."""
        call = object()
        with self._lock:
            self._calling_since[call] = self._clock_seconds()
        try:
            yield
        finally:
            with self._lock:
                del self._calling_since[call]

    @property
    def waiting(self) -> int:
        """How many wait for a turn now."""
        with self._lock:
            return len(self._waiting)

    def _take(self) -> bool:
        with self._lock:
            if self._taken < self._at_once:
                # Then nobody waits: a turn that is given back is handed on.
                self._taken += 1
                return True
            if len(self._waiting) >= self._waiting_at_most:
                return False
            given = threading.Event()
            self._waiting.append(given)
            ends_at_seconds = self._clock_seconds() + PATIENCE_SECONDS
        while True:
            with self._lock:
                if given.is_set():
                    return True
                left_seconds = self._left_seconds(ends_at_seconds)
                if left_seconds <= 0.0:
                    self._waiting.remove(given)
                    return False
            given.wait(left_seconds)

    def _left_seconds(self, ends_at_seconds: float) -> float:
        oldest, half = sorted(self._calling_since.values()), (self._at_once + 1) // 2
        if len(oldest) >= half:
            ends_at_seconds = min(ends_at_seconds, oldest[half - 1] + PATIENCE_SECONDS)
        return ends_at_seconds - self._clock_seconds()

    def _give_back(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken -= 1
