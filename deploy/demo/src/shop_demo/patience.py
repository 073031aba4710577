"""How long to wait for something that gets done by and by."""

import asyncio
import time

_POLL_SECONDS = 0.5


class Patience:
    """Waits as long as there is progress; runs out when nothing has changed for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last_seen: object = None
        self._deadline = time.monotonic() + seconds

    async def another_round(self, seen: object) -> bool:
        """Pauses before the next look; False if `seen` has been the same for too long."""
        if seen != self._last_seen:
            self._last_seen = seen
            self._deadline = time.monotonic() + self._seconds
        if time.monotonic() > self._deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
        return True
