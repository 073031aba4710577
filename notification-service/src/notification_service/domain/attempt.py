"""How one attempt at a delivery ended."""

from dataclasses import dataclass

from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.failure_reason import FailureReason


@dataclass(frozen=True, slots=True)
class Delivered:
    """The delivery is done. ``reference`` is the receiver's own id of it, if it has one."""

    delivery: ClaimedDelivery
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The next attempt is due in ``delay_seconds``."""

    delivery: ClaimedDelivery
    delay_seconds: float
    reason: FailureReason
    possibly_sent: bool = False
    """Whether this attempt may have reached the receiver."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """There will be no further attempt, unless an operator wants one."""

    delivery: ClaimedDelivery
    reason: FailureReason
    possibly_sent: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """The recipient can't get the delivery: nothing was sent, and nothing will be."""

    delivery: ClaimedDelivery
    reason: FailureReason


@dataclass(frozen=True, slots=True)
class Released:
    """The delivery was claimed and not attempted: it is as if it had not been claimed."""

    delivery: ClaimedDelivery


Outcome = Delivered | RetryLater | GivenUp | Skipped | Released
