"""The number of calls a second that a provider allows."""

import threading
from collections import deque

_WINDOW_SECONDS = 1.0


class RateLimit:
    """Counts the calls of the last second. Refused calls count: repeating at once prolongs the refusal."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[float] = deque()

    def allows(self, limit: int, now: float) -> bool:
        """Count a call at ``now``. False if there were ``limit`` in the second before it; 0 is no limit."""
        with self._lock:
            if limit == 0:
                self._calls.clear()
                return True
            if self._calls.maxlen != limit:
                self._calls = deque(self._calls, maxlen=limit)
            is_full = len(self._calls) == limit and now - self._calls[0] < _WINDOW_SECONDS
            self._calls.append(now)
            return not is_full
