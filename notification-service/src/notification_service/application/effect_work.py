"""What every effect's work looks like to whoever drives it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WorkDone:
    """What one run did. ``pause_seconds`` says how long the next one had better wait."""

    deliveries: int
    pause_seconds: float = 0.0


class StopCheck(Protocol):
    def is_set(self) -> bool: ...


class EffectWork(Protocol):
    """One effect's deliveries, a batch at a time."""

    def run_once(self, stop: StopCheck) -> WorkDone:
        """Work on what is due now, at most a batch of it.

        Once ``stop`` is set nothing more is begun: what was begun is finished, the rest is handed back.
        """
        ...
