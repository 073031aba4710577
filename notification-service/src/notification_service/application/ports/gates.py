"""What decides how many deliveries may go to a receiver now, and when each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from notification_service.application.ports.unit_of_work import UnitOfWork
from notification_service.domain.claim_reach import EVERYTHING, ClaimReach
from notification_service.domain.provider_call import Call


@dataclass(frozen=True, slots=True)
class Admission:
    """How many deliveries may be claimed now, and which. With ``probe_id``, one as a probe.

    ``singly``: each goes by a call of its own, since the receiver may be hanging.
    """

    deliveries: int
    probe_id: UUID | None = None
    reach: ClaimReach = EVERYTHING
    singly: bool = False


@dataclass(frozen=True, slots=True)
class Slots:
    """Slots that nobody else has: the first in ``wait_seconds``, and one at each interval after it."""

    wait_seconds: float
    interval_seconds: float


class Gate(Protocol):
    """Admits deliveries, and learns from the calls that were made for them."""

    def admit(self, unit_of_work: UnitOfWork, most: int) -> Admission:
        """To be asked before a claim, in its transaction."""
        ...

    def enter(
        self, unit_of_work: UnitOfWork, admission: Admission, deliveries: int, latest_seconds: float
    ) -> Slots | None:
        """Slots for the deliveries that were claimed; to be called last in the claim's transaction.

        None if the last slot would be later than ``latest_seconds``, or if another process makes the probe:
        the claim must then be rolled back.
        """
        ...

    def learn(self, unit_of_work: UnitOfWork, calls: Sequence[Call], probe_id: UUID | None) -> None:
        """To be called last in the transaction that records what became of the calls."""
        ...

    def stops(self, calls: Sequence[Call]) -> bool:
        """Whether nothing more should go after ``calls``, one process's, in the order of their ends."""
        ...
