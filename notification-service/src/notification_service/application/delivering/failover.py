"""Which of two providers sends: the first one, and while it is down, the second."""

from notification_service.application.ports import UnitOfWork
from notification_service.domain.claim_reach import ClaimReach
from notification_service.domain.provider_state import ProviderStatus

# So long a message waits for the first provider's probe to take it, else the second would take them all, and
# nothing would show that the first is back.
_PROBE_SECONDS = 1.0


class ReachOfFirst:
    """The first provider sends whatever is free: its own gate keeps it back while it is down."""

    def __init__(self, second: str) -> None:
        self._reach = ClaimReach(others=frozenset({second}))

    def __call__(self, unit_of_work: UnitOfWork) -> ClaimReach:
        return self._reach


class ReachOfSecond:
    """The second provider sends what is free only while the first one's breaker is open, or it is suspended.

    What it may have got itself, it looks up at any time.
    """

    def __init__(self, first: str) -> None:
        self._first = first

    def __call__(self, unit_of_work: UnitOfWork) -> ClaimReach:
        first = unit_of_work.providers.get(self._first)
        return ClaimReach(
            self._free_after_seconds(first.status, first.probe_in_seconds),
            others=frozenset({self._first}),
            is_stand_in=True,
        )

    def _free_after_seconds(self, status: ProviderStatus, probe_in_seconds: float | None) -> float | None:
        if status is ProviderStatus.RUNNING:
            return None
        is_probe_due = probe_in_seconds is not None and probe_in_seconds <= 0
        return _PROBE_SECONDS if is_probe_due else 0.0
