"""How one attempt at a delivery ended."""

from dataclasses import dataclass

from notification_service.domain.delivery import ClaimedDelivery


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
    reason: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """There will be no further attempt."""

    delivery: ClaimedDelivery
    reason: str


@dataclass(frozen=True, slots=True)
class Released:
    """The delivery was claimed and not attempted: it is as if it had not been claimed."""

    delivery: ClaimedDelivery


Outcome = Delivered | RetryLater | GivenUp | Released
