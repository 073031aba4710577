"""What an operator does to deliveries, and what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from notification_service.domain.delivery import (
    CAN_BE_GIVEN_UP,
    MAY_HAVE_ARRIVED,
    RETRYABLE,
    Delivery,
    DeliveryStatus,
)
from notification_service.domain.errors import DeliveryTransitionRefused, LookUpPlanned


class OperatorAction(StrEnum):
    """A change that only an operator makes."""

    RETRY = "RETRY"
    """It is attempted again, as if it were due; where it may have been sent, the provider is asked first."""
    GIVE_UP = "GIVE_UP"
    """It is attempted no more."""

    @property
    def allowed(self) -> frozenset[DeliveryStatus]:
        """What it may be done to; to UNKNOWN, as a retry, only while no look-up is planned."""
        return RETRYABLE if self is OperatorAction.RETRY else CAN_BE_GIVEN_UP

    @property
    def unnamed(self) -> frozenset[DeliveryStatus]:
        """What it is done to unless a status is named: never a retry of what may have arrived."""
        return RETRYABLE - MAY_HAVE_ARRIVED if self is OperatorAction.RETRY else CAN_BE_GIVEN_UP

    @property
    def leads_to(self) -> DeliveryStatus:
        return DeliveryStatus.PENDING if self is OperatorAction.RETRY else DeliveryStatus.GIVEN_UP

    def check(self, delivery: Delivery) -> None:
        """Raises DeliveryTransitionRefused, also as LookUpPlanned."""
        if delivery.status not in self.allowed:
            raise DeliveryTransitionRefused(delivery.status)
        if self is OperatorAction.RETRY and delivery.due_at is not None:
            raise LookUpPlanned(delivery.status)


def warning_of_removed(removed: Mapping[str, int]) -> str | None:
    """What to tell an operator who retries what so many deliveries' former providers may have sent."""
    if not removed:
        return None
    parts = [f"{number} may be at {name}" for name, number in sorted(removed.items())]
    return f"{', '.join(parts)}, which no consumer uses and nobody asks: a recipient may get it twice"


@dataclass(frozen=True, slots=True)
class DeliveryChange:
    """What an operator did to one delivery; ``removed`` as of DeliveriesChange."""

    delivery_id: UUID
    action: OperatorAction
    status: DeliveryStatus
    by: str
    reason: str
    at: datetime
    removed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeliveriesChange:
    """What an operator did to all deliveries that matched; nothing if they were only counted.

    ``removed`` are providers that no consumer uses any more, and how many of the deliveries each may have.
    Retried, these are sent by the providers that are used.
    """

    action: OperatorAction
    matching: int
    changed: int
    is_dry_run: bool
    removed: Mapping[str, int] = field(default_factory=dict)
