"""What a failed call that sends means for its message."""

from notification_service.domain.errors import (
    DeliveryFailed,
    OutcomeUnknown,
    ReceiverUnavailable,
    Unanswerable,
)
from notification_service.domain.failure_reason import FailureReason

# A gateway's 503, or a status that no documentation has, may hide that the provider took the message.
_NOT_SURE = {FailureReason.RECEIVER_BUSY, FailureReason.UNEXPECTED_REPLY}


def sending_failure(failure: DeliveryFailed, *, can_look_up: bool) -> DeliveryFailed:
    """``failure``, or the more careful one that stands for it.

    ``can_look_up``: the provider can be asked for the message.
    """
    if type(failure) is ReceiverUnavailable and failure.reason in _NOT_SURE:
        unknown = _caused(OutcomeUnknown(FailureReason.RECEIVER_ERROR, str(failure)), failure)
        return unknown if can_look_up else _unanswerable(unknown)
    if isinstance(failure, OutcomeUnknown) and not can_look_up:
        return _unanswerable(failure)
    return failure


def _unanswerable(unknown: DeliveryFailed) -> DeliveryFailed:
    return _caused(Unanswerable(unknown.reason, str(unknown)), unknown)


def _caused(failure: DeliveryFailed, cause: DeliveryFailed) -> DeliveryFailed:
    # What the call says about its provider is read there.
    failure.__cause__ = cause
    return failure
