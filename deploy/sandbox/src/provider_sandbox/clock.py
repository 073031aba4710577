"""The time at which results become known and keys expire."""

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
        self.controls = ClockControl()

    def set(self, controls: ClockControl) -> None:
        # One assignment, which threads see whole.
        self.controls = controls

    def now(self) -> float:
        """Epoch seconds."""
        return time.time() + self.controls.ahead_ms / 1000
