"""What became of one attempt at a delivery."""

from dataclasses import dataclass

from notification_service.domain.delivery import ClaimedDelivery


@dataclass(frozen=True, slots=True)
class Delivered:
    """It is done. ``reference`` is what the other side calls it, if it calls it anything."""

    delivery: ClaimedDelivery
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class RetryLater:
    """It may succeed in ``delay_seconds``."""

    delivery: ClaimedDelivery
    delay_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """It will not be tried again."""

    delivery: ClaimedDelivery
    reason: str


@dataclass(frozen=True, slots=True)
class Released:
    """It was claimed and never begun: as if it had not been claimed."""

    delivery: ClaimedDelivery


Outcome = Delivered | RetryLater | GivenUp | Released
