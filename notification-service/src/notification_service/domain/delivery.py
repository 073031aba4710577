"""Deliveries: one for each effect of each event, with a life of its own.

    PENDING ──claim──► SENDING ──► DELIVERED
       ▲                  │   ├──► FAILED      rejected, or attempted for too long
       │                  │   └──► SKIPPED     the recipient can't get it
       ├──── retry, ──────┘
       │     release
       └──── an operator's retry of what is FAILED

A claim is a lease: once it has expired, the delivery may be claimed again, even if its claimant still runs.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from notification_service.domain.completed_order import CompletedOrder
from notification_service.domain.failure_reason import FailureReason


class Effect(StrEnum):
    """What follows a completed order."""

    ALIMTALK = "ALIMTALK"
    ANALYTICS = "ANALYTICS"
    MONITORING = "MONITORING"


class DeliveryStatus(StrEnum):
    """DELIVERED and SKIPPED are final, and FAILED is unless an operator wants another attempt."""

    PENDING = "PENDING"
    SENDING = "SENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it is stored. ``due_at``: the next attempt's time or, while SENDING, the lease's end."""

    delivery_id: UUID
    event_id: UUID
    order_id: UUID
    effect: Effect
    status: DeliveryStatus
    attempts: int
    due_at: datetime | None
    last_error: FailureReason | None
    created_at: datetime
    completed_at: datetime | None


FRESH_SECONDS = 60.0
"""A database isn't restored sooner than that after an order, so its message can't have been forgotten."""


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that only its claimant may attempt, until the lease expires. ``attempt`` counts from 1.

    ``age_seconds`` counts from the first attempt, or from the first one since an operator's retry.
    ``seconds_since_possibly_sent`` counts from the last attempt that may have reached the receiver; None if
    none may have. ``seconds_since_ordered`` counts from the completion of the order.
    """

    delivery_id: UUID
    claim_id: UUID
    attempt: int
    age_seconds: float
    seconds_since_possibly_sent: float | None
    seconds_since_ordered: float
    order: CompletedOrder

    @property
    def may_have_been_sent(self) -> bool:
        """True unless this is the first attempt for a fresh order. Ask the receiver before sending then.

        An earlier attempt may have reached the receiver although no reply was recorded: it was lost, or the
        claimant was killed. Of an older order this database may have forgotten every attempt: it was
        restored from a backup, and reads the events since then once more.
        """
        return self.attempt > 1 or self.seconds_since_ordered > FRESH_SECONDS
