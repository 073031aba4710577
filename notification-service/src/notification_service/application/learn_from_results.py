"""What final results say about a provider: an accepted message is no proof that it works."""

from collections.abc import Sequence
from dataclasses import dataclass

from notification_service.application.delivering.provider_gate import log_change
from notification_service.application.ports import UnitOfWork
from notification_service.domain.alimtalk_codes import codes_of
from notification_service.domain.awaited_result import Settlement
from notification_service.domain.delivery import DeliveryStatus
from notification_service.domain.final_result import stops_provider
from notification_service.domain.provider_state import (
    ProbePolicy,
    StoppedBy,
    running,
    suspended,
)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What results say now; with ``stop_code``, that only a human can mend the provider."""

    provider: str
    stop_code: str | None = None
    has_delivered: bool = False


class LearnFromResults:
    """Suspends a provider whose results say that the account is at fault, and ends that once it delivers.

    Only results of messages count that it accepted since its status changed: those of older ones come late,
    and must not suspend a provider again that an operator has resumed.
    """

    def __init__(self, policy: ProbePolicy) -> None:
        self._policy = policy

    def lesson(self, unit_of_work: UnitOfWork, provider: str, settlements: Sequence[Settlement]) -> Lesson:
        """To be asked before the results change their deliveries."""
        codes = codes_of(provider)
        stopping = {one.delivery_id: one.code for one in settlements if stops_provider(one, codes)}
        if stopping and unit_of_work.providers.was_accepted_since_change(provider, stopping):
            return Lesson(provider, stop_code=next(iter(stopping.values())))
        delivered = [one.delivery_id for one in settlements if one.status is DeliveryStatus.DELIVERED]
        if not delivered or unit_of_work.providers.get(provider).stopped_by is not StoppedBy.RESULT:
            return Lesson(provider)
        has_delivered = unit_of_work.providers.was_accepted_since_change(provider, delivered)
        return Lesson(provider, has_delivered=has_delivered)

    def __call__(self, unit_of_work: UnitOfWork, lesson: Lesson) -> None:
        """Change the provider's state accordingly; to be called last in the transaction."""
        if lesson.stop_code is None and not lesson.has_delivered:
            return
        state = unit_of_work.providers.lock(lesson.provider)
        if lesson.stop_code is not None:
            changed = suspended(state, lesson.stop_code, StoppedBy.RESULT, self._policy)
        elif state.stopped_by is StoppedBy.RESULT:
            changed = running(state)
        else:
            return
        unit_of_work.providers.change(changed)
        log_change(state, changed)
