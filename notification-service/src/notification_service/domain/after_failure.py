"""What follows an attempt that failed."""

from notification_service.domain.attempt import GivenUp, Outcome, Rejected, RetryLater, Unclear
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import ClaimedDelivery, Effect
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryRejected,
    NotConfirmed,
    OutcomeUnknown,
    ProviderStopped,
    ReceiverUnavailable,
    TemplateRefused,
    Unanswerable,
)
from notification_service.domain.retry_policy import RetryPolicy

# Until then a check has found out whether the other messages of the template wait, too.
_TEMPLATE_SECONDS = 60.0


def outcome_of_failure(
    effect: Effect, delivery: ClaimedDelivery, failure: DeliveryFailed, retry: RetryPolicy, jitter: float
) -> Outcome:
    """The outcome of an attempt that ended with ``failure``; ``jitter`` is random in [0, 1)."""
    if isinstance(failure, DeliveryRejected):
        return Rejected(delivery, failure.reason)
    looks_up = delivery.purpose is Purpose.LOOK_UP
    # A look-up sends nothing, however it ends.
    possibly_sent = isinstance(failure, OutcomeUnknown) and not looks_up
    if isinstance(failure, Unanswerable):
        return Unclear(delivery, None, failure.reason, possibly_sent)
    # A message that waits for a human to mend the provider is not given up meanwhile.
    is_provider_stopped = isinstance(failure, ProviderStopped)
    if retry.is_exhausted(delivery.age_seconds, delivery.attempt) and not is_provider_stopped:
        return GivenUp(delivery, failure.reason, possibly_sent)
    delay_seconds = _delay_seconds(delivery, failure, retry, jitter)
    if looks_up or (possibly_sent and not effect.may_be_repeated):
        return Unclear(delivery, delay_seconds, failure.reason, possibly_sent)
    return RetryLater(delivery, delay_seconds, failure.reason, possibly_sent)


def _delay_seconds(
    delivery: ClaimedDelivery, failure: DeliveryFailed, retry: RetryPolicy, jitter: float
) -> float:
    delay_seconds = retry.delay_seconds(delivery.attempt, jitter)
    # The receiver answers; how often it did not before, or the attempts' processes were killed, says nothing.
    if isinstance(failure, NotConfirmed) and failure.sure_in_seconds is not None:
        return min(delay_seconds, failure.sure_in_seconds + retry.base_seconds * jitter)
    # A look-up too early would miss a message that the receiver is still working on.
    if isinstance(failure, OutcomeUnknown):
        return max(delay_seconds, retry.settle_seconds)
    if isinstance(failure, TemplateRefused):
        return max(delay_seconds, _TEMPLATE_SECONDS)
    # Capped, so that a receiver's mistake can't delay a delivery for days.
    if isinstance(failure, ReceiverUnavailable) and failure.retry_after_seconds is not None:
        return max(delay_seconds, min(failure.retry_after_seconds, retry.cap_seconds))
    return delay_seconds
