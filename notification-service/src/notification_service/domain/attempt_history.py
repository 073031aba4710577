"""What was attempted for a delivery, kept for those who ask what became of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from notification_service.domain.failure_reason import FailureReason


class Purpose(StrEnum):
    """What an attempt may do."""

    SEND = "SEND"
    """It may send; where an earlier attempt may have reached the receiver, it asks first."""
    LOOK_UP = "LOOK_UP"
    """It only asks the provider whether an earlier attempt has reached it, and never sends; or the provider
    reported a final result after the wait for it had ended."""


class AttemptOutcome(StrEnum):
    """How an attempt ended."""

    DELIVERED = "DELIVERED"
    """The receiver took it, and nothing more is awaited."""
    ACCEPTED = "ACCEPTED"
    """The provider has the message; its final result is awaited."""
    REJECTED = "REJECTED"
    """The receiver will never take it; of a late result: the recipient did not get it."""
    NOT_TAKEN = "NOT_TAKEN"
    """The receiver surely did not take it, or nothing was sent."""
    NOT_FOUND = "NOT_FOUND"
    """The provider surely does not have the message."""
    UNKNOWN = "UNKNOWN"
    """The receiver may have it; of a look-up: the provider could not say yet."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. Without ``ended_at`` and ``outcome`` it goes on, or its process has ended."""

    number: int
    provider: str
    purpose: Purpose
    began_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    reason: FailureReason | None
    message_id: str | None
