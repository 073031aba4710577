"""The deadline of one exchange, which none of its waits passes."""

import time


class Deadline:
    """Passes ``seconds`` from now."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def seconds_left(self, at_most: float | None = None) -> float:
        """For one wait, which has ``at_most`` itself. Raises TimeoutError once the deadline has passed."""
        seconds = self._at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the exchange took too long")
        return seconds if at_most is None else min(seconds, at_most)
