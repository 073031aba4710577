"""How a process learns that it should stop."""

import signal
import threading
from types import FrameType


class StopSignal:
    """Set once, by SIGTERM, SIGINT or the program itself, and never cleared.

    Loops ask :meth:`is_set` between two pieces of work and use :meth:`wait` in place of sleeping, so that a
    stop ends every pause at once.
    """

    def __init__(self) -> None:
        self._event = threading.Event()

    def install(self) -> None:
        """Let SIGTERM and SIGINT set this signal. To be called from the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Pause for ``timeout_seconds`` (for ever when None); True as soon as the signal is set."""
        return self._event.wait(timeout_seconds)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._event.set()
