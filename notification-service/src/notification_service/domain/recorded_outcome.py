"""What the outcome of an attempt makes of its delivery, and what the history says of it."""

from dataclasses import dataclass

from notification_service.domain.attempt import (
    Accepted,
    Delivered,
    GivenUp,
    NotFound,
    Outcome,
    Postponed,
    Rejected,
    Released,
    RetryLater,
    Skipped,
    Unclear,
)
from notification_service.domain.attempt_history import AttemptOutcome, Purpose
from notification_service.domain.delivery import ClaimedDelivery, DeliveryStatus, may_become
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.result_schedule import pause_before_question


@dataclass(frozen=True, slots=True)
class RecordedOutcome:
    """``delay_seconds`` leads to the next attempt or, of what is ACCEPTED, to the question for its result.

    Without ``attempt_outcome`` no attempt was made.
    """

    status: DeliveryStatus
    attempt_outcome: AttemptOutcome | None
    delay_seconds: float | None = None
    reference: str | None = None
    reason: FailureReason | None = None
    possibly_sent: bool = False
    is_free: bool = False
    """Whether any provider may send it now, whatever former attempts may have sent."""
    provider: str | None = None
    """The provider that has the message, if it isn't the one that the attempt was made at."""

    def __post_init__(self) -> None:
        # A claim is held only while SENDING.
        if not may_become(DeliveryStatus.SENDING, self.status):
            raise ValueError(f"an attempt doesn't leave a delivery {self.status}")


def recorded_outcome(outcome: Outcome) -> RecordedOutcome:
    """What is stored of ``outcome``."""
    match outcome:
        case Delivered(reference=reference, provider=provider):
            return RecordedOutcome(
                DeliveryStatus.DELIVERED, AttemptOutcome.DELIVERED, reference=reference, provider=provider
            )
        case Accepted(message_id=message_id, provider=provider):
            delay_seconds = pause_before_question(0, 0.0)
            return RecordedOutcome(
                DeliveryStatus.ACCEPTED,
                AttemptOutcome.ACCEPTED,
                delay_seconds,
                message_id,
                provider=provider,
            )
        case NotFound(is_kept_unsent=is_kept_unsent):
            return RecordedOutcome(
                DeliveryStatus.PENDING, AttemptOutcome.NOT_FOUND, 0.0, is_free=not is_kept_unsent
            )
        case Rejected(reason=reason):
            return RecordedOutcome(DeliveryStatus.FAILED, AttemptOutcome.REJECTED, reason=reason)
        case Skipped(reason=reason):
            return RecordedOutcome(DeliveryStatus.SKIPPED, None, reason=reason)
        case Released(delivery=delivery):
            return RecordedOutcome(_status_unattempted(delivery), None, 0.0)
        case Postponed(delivery=delivery, delay_seconds=delay_seconds, reason=reason):
            return RecordedOutcome(_status_unattempted(delivery), None, delay_seconds, reason=reason)
        case _:
            return _recorded_failure(outcome)


def _status_unattempted(delivery: ClaimedDelivery) -> DeliveryStatus:
    # Nothing was sent, so the next attempt has the same purpose.
    return DeliveryStatus.UNKNOWN if delivery.purpose is Purpose.LOOK_UP else DeliveryStatus.PENDING


def _recorded_failure(outcome: RetryLater | Unclear | GivenUp) -> RecordedOutcome:
    possibly_sent = outcome.possibly_sent
    is_unknown = possibly_sent or outcome.delivery.purpose is Purpose.LOOK_UP
    attempt_outcome = AttemptOutcome.UNKNOWN if is_unknown else AttemptOutcome.NOT_TAKEN
    match outcome:
        case RetryLater(delay_seconds=delay_seconds):
            status = DeliveryStatus.PENDING
        case Unclear(delay_seconds=delay_seconds):
            status = DeliveryStatus.UNKNOWN
        case GivenUp():
            status, delay_seconds = DeliveryStatus.GIVEN_UP, None
    return RecordedOutcome(
        status,
        attempt_outcome,
        delay_seconds,
        reason=outcome.reason,
        possibly_sent=possibly_sent,
    )
