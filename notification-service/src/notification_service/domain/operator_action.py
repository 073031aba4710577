"""What an operator does to deliveries, and what became of them."""

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class DeliveryChange:
    """What an operator did to one delivery."""

    delivery_id: UUID
    action: OperatorAction
    status: DeliveryStatus
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DeliveriesChange:
    """What an operator did to all deliveries that matched; nothing if they were only counted."""

    action: OperatorAction
    matching: int
    changed: int
    is_dry_run: bool
