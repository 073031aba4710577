"""What the process runs again and again."""

from dataclasses import dataclass
from typing import Protocol


class StopCheck(Protocol):
    """Whether the process stops."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class WorkDone:
    """What one run did: how many deliveries it worked on, and the pause that should follow."""

    deliveries: int
    pause_seconds: float = 0.0


class DeliveryWork(Protocol):
    """Works on deliveries, as on those of one effect, a batch in each call."""

    def __call__(self, stop: StopCheck) -> WorkDone:
        """Work on what is due now, at most one batch.

        Once ``stop`` is set, no attempt begins: those under way end, and the other claims are released.
        """
        ...
