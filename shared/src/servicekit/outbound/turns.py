"""Calls that may hang, and the threads that they leave to others."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 1.0
"""A call that has lasted for longer hangs."""


class Turns:
    """Lets ``at_once`` threads at a time call an external service.

    While the service answers, further ones wait for their turn, which comes soon. Once half of the calls
    hang, they get none, at once: the service keeps no thread but these, and the others serve what doesn't
    need it.
    """

    def __init__(self, at_once: int, clock_seconds: Callable[[], float] = time.monotonic) -> None:
        self._at_once = at_once
        self._clock_seconds = clock_seconds
        self._changed = threading.Condition()
        self._taken = 0
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
        with self._changed:
            self._calling_since[call] = self._clock_seconds()
        try:
            yield
        finally:
            with self._changed:
                del self._calling_since[call]

    def _take(self) -> bool:
        with self._changed:
            while self._taken >= self._at_once:
                left_seconds = self._patience_left_seconds()
                if left_seconds <= 0.0:
                    return False
                self._changed.wait(left_seconds)
            self._taken += 1
        return True

    def _patience_left_seconds(self) -> float:
        oldest, half = sorted(self._calling_since.values()), (self._at_once + 1) // 2
        if len(oldest) < half:
            return PATIENCE_SECONDS
        return oldest[half - 1] + PATIENCE_SECONDS - self._clock_seconds()

    def _give_back(self) -> None:
        with self._changed:
            self._taken -= 1
            self._changed.notify()
