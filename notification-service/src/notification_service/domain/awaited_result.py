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
class AcceptedMessage:
    """A message that a delivery's provider accepted. ``reference`` is ours, ``message_id`` the provider's.

    An id may be several messages': a former release takes a request's for that of each message in it.
    """

    delivery_id: UUID
    reference: str
    message_id: str
    status: DeliveryStatus


@dataclass(frozen=True, slots=True)
class FormerMessage:
    """A message that its delivery, which has this status, awaits no more, or has no id of.

    It had failed, or the delivery was freed to be sent by any provider, or its reply was lost; then
    ``attempt`` is the number of the attempt that sent it. ``is_only``: no other attempt may have sent one.
    """

    delivery_id: UUID
    message_id: str
    status: DeliveryStatus
    attempt: int | None = None
    is_only: bool = False


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A former message did arrive; ``code`` is the provider's.

    ``is_settled``: no other message is under way, so that the delivery is done. ``may_be_doubled``: another
    one was sent, or may have been.
    """

    message: FormerMessage
    code: str | None
    by_sms: bool
    is_settled: bool
    may_be_doubled: bool


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
