"""Final results that are awaited of a provider, and what they settle."""

from dataclasses import dataclass
from uuid import UUID

from notification_service.domain.delivery import DeliveryStatus
from notification_service.domain.failure_reason import FailureReason


@dataclass(frozen=True, slots=True)
class AwaitedResult:
    """A message that ``provider`` accepted ``accepted_seconds`` ago. ``asked`` counts the questions.

    ``reference`` is ours, ``message_id`` the provider's.
    """

    delivery_id: UUID
    reference: str
    provider: str
    message_id: str
    asked: int
    accepted_seconds: float


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A message that had failed, for which its delivery was retried, did arrive; ``code`` is the provider's.

    ``is_settled``: nothing has been sent since, so that the delivery is done.
    """

    delivery_id: UUID
    message_id: str
    code: str | None
    by_sms: bool
    is_settled: bool


@dataclass(frozen=True, slots=True)
class Settlement:
    """The final result of a delivery; ``code`` is the provider's own.

    ``is_late``: the wait for it had ended, which the history shows.
    """

    delivery_id: UUID
    status: DeliveryStatus
    code: str | None
    by_sms: bool
    reason: FailureReason | None
    is_late: bool = False
