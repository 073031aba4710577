"""The client's clock."""

import time


class HostClock:
    """Wall-clock time that never jumps: the host's CLOCK_REALTIME once, then its monotonic clock.

    Spans between two readings are exact, and on the servers' own machine readings compare with theirs.
    """

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        return self._offset_ns + time.monotonic_ns()
