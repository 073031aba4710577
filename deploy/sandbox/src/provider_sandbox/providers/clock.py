"""The time at which results become known and keys expire."""

import threading
import time
from typing import Annotated

from pydantic import Field

from servicekit.fields import RequestModel

_FORTY_DAYS_MS = 40 * 24 * 3600 * 1000


class ClockControl(RequestModel):
    """How far the clock of all doubles is ahead of the real time."""

    ahead_ms: Annotated[int, Field(strict=True, ge=0, le=_FORTY_DAYS_MS)] = 0


class Clock:
    """The real time, unless a test puts it ahead, which it does in place of waiting.

    The dates of signatures aren't compared with it: clients go by the real time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control = ClockControl()

    @property
    def control(self) -> ClockControl:
        with self._lock:
            return self._control

    def set(self, control: ClockControl) -> None:
        with self._lock:
            self._control = control

    def now(self) -> float:
        """Epoch seconds."""
        return time.time() + self.control.ahead_ms / 1000
