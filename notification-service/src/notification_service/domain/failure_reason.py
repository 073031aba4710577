"""Why an attempt at a delivery failed or was not made, in the words that clients of the API read."""

from enum import StrEnum


class FailureReason(StrEnum):
    """Says nothing of the receiver's address, its replies, or the recipient."""

    RECEIVER_UNREACHABLE = "RECEIVER_UNREACHABLE"
    RECEIVER_BUSY = "RECEIVER_BUSY"
    RECEIVER_ERROR = "RECEIVER_ERROR"
    NO_REPLY = "NO_REPLY"
    MALFORMED_REPLY = "MALFORMED_REPLY"
    UNEXPECTED_REPLY = "UNEXPECTED_REPLY"
    REJECTED = "REJECTED"
    NOT_CONFIRMED = "NOT_CONFIRMED"
    """An earlier attempt may have been accepted, and the receiver can't say yet."""
    NOT_A_KOREAN_MOBILE_NUMBER = "NOT_A_KOREAN_MOBILE_NUMBER"
    """The recipient can't get an alimtalk."""
    RECIPIENT_ERASED = "RECIPIENT_ERASED"
    """The name and number are no longer kept, here or by the producer of the event."""
    MESSAGE_TOO_LONG = "MESSAGE_TOO_LONG"
    """With this order's values, the text is longer than an alimtalk may be."""
    TEMPLATE_NOT_USABLE = "TEMPLATE_NOT_USABLE"
    """The template is not approved, or differs from what is registered or from the message's values."""
    PROVIDER_STOPPED = "PROVIDER_STOPPED"
    """The provider takes nothing until the account, the balance or the key is mended there."""
    EARLIER_MESSAGE = "EARLIER_MESSAGE"
    """It waits until an earlier message about the order has been sent."""
    QUIET_HOURS = "QUIET_HOURS"
    """It waits until the shop's quiet hours end."""
    NOT_DELIVERED = "NOT_DELIVERED"
    """The provider accepted the message, and reported that the recipient did not get it."""
    NO_FINAL_RESULT = "NO_FINAL_RESULT"
    """The provider accepted the message, and has reported no final result in time, or never does."""
    INTERRUPTED = "INTERRUPTED"
    """The process that made the attempt ended, or lost its claim, before it recorded an outcome."""
    INTERNAL_ERROR = "INTERNAL_ERROR"
    OTHER = "OTHER"
    """Another release recorded it."""


_REASONS = frozenset(FailureReason)


def stored_reason(stored: str | None) -> FailureReason | None:
    """What ``stored`` means here. Other releases have other reasons, and former ones stored replies."""
    if stored is None:
        return None
    return FailureReason(stored) if stored in _REASONS else FailureReason.OTHER
