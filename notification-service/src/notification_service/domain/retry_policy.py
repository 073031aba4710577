"""When to try again, and when to stop."""

from dataclasses import dataclass

from servicekit.backoff import Backoff


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with equal jitter, until a delivery is given up.

    It is given up ``give_up_after_seconds`` after its first attempt, and never before ``least_attempts``: a
    process that was away for a day has tried nothing yet.

    Attempt n is followed by a pause between half of and all of ``base_seconds`` · 2ⁿ⁻¹, at most
    ``cap_seconds``. After an unknown outcome it is at least ``settle_seconds``, since the receiver may still
    be working on it. While every delivery fails, an effect pauses between its batches, for up to
    ``pause_cap_seconds``.
    """

    base_seconds: float = 1.0
    cap_seconds: float = 300.0
    settle_seconds: float = 2.0
    pause_cap_seconds: float = 5.0
    give_up_after_seconds: float = 24 * 3600.0
    least_attempts: int = 10

    def delay_seconds(self, attempt: int, jitter: float) -> float:
        """The pause after attempt number ``attempt``; ``jitter`` is random in [0, 1)."""
        return Backoff(self.base_seconds, self.cap_seconds).jittered_seconds(attempt, jitter)

    def pause_seconds(self, failed_batches: int) -> float:
        """The pause after ``failed_batches`` batches in a row in which every delivery failed."""
        return Backoff(self.base_seconds, self.pause_cap_seconds).jittered_seconds(failed_batches, 0.0)

    def is_exhausted(self, age_seconds: float, attempt: int) -> bool:
        """Whether attempt number ``attempt``, so long after the first one, was the last."""
        return age_seconds >= self.give_up_after_seconds and attempt >= self.least_attempts
