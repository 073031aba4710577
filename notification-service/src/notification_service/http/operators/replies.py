"""What operators receive."""

from typing import Any, Self
from uuid import UUID

from notification_service.application.list_deliveries import DeliveryPage
from notification_service.domain.attempt_history import Attempt
from notification_service.domain.delivery import Delivery, DeliveryStatus, Intervention
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.operator_action import (
    DeliveriesChange,
    DeliveryChange,
    OperatorAction,
    warning_of_removed,
)
from notification_service.http.bodies import EffectName
from notification_service.http.replies import EFFECT_NAMES, AttemptReply
from servicekit.fields import JsonModel, Time


class DeliveryReply(JsonModel):
    """A delivery as operators see it; ``resultCode`` is the provider's own code of the final result."""

    delivery_id: UUID
    effect: EffectName
    status: DeliveryStatus
    event_id: UUID
    order_id: UUID
    attempts: int
    next_attempt_at: Time | None
    last_error: FailureReason | None
    created_at: Time
    accepted_at: Time | None
    completed_at: Time | None
    result_code: str | None
    by_sms: bool | None

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        return cls(**_facts(delivery))


def _facts(delivery: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": delivery.delivery_id,
        "effect": EFFECT_NAMES[delivery.effect],
        "status": delivery.status,
        "event_id": delivery.event_id,
        "order_id": delivery.order_id,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.due_at,
        "last_error": delivery.last_error,
        "created_at": delivery.created_at,
        "accepted_at": delivery.accepted_at,
        "completed_at": delivery.completed_at,
        "result_code": delivery.result_code,
        "by_sms": delivery.by_sms,
    }


class DeliveriesReply(JsonModel):
    """One page, the oldest first; ``nextAfter`` asks for the next one and is null on the last."""

    next_after: UUID | None
    deliveries: list[DeliveryReply]

    @classmethod
    def of(cls, page: DeliveryPage) -> Self:
        return cls(
            next_after=page.next_after,
            deliveries=[DeliveryReply.of(delivery) for delivery in page.deliveries],
        )


class InterventionReply(JsonModel):
    """Which operator did it, why and when."""

    by: str
    reason: str
    at: Time

    @classmethod
    def of(cls, done: Intervention | None) -> Self | None:
        return None if done is None else cls(by=done.by, reason=done.reason, at=done.at)


class OperatedAttemptReply(AttemptReply):
    """An attempt with the provider's own id of the message."""

    message_id: str | None

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        known = AttemptReply.of(attempt)
        return cls(**dict(known), message_id=attempt.message_id)


class OperatedDeliveryReply(DeliveryReply):
    """A delivery with its attempts, and what operators did last."""

    retried: InterventionReply | None
    given_up: InterventionReply | None
    attempt_history: list[OperatedAttemptReply]

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        return cls(
            **_facts(delivery),
            retried=InterventionReply.of(delivery.retried),
            given_up=InterventionReply.of(delivery.given_up),
            attempt_history=[OperatedAttemptReply.of(attempt) for attempt in delivery.history],
        )


class DeliveryChangeReply(JsonModel):
    """What an operator did to a delivery, and the status that it got by that.

    A ``warning`` says that the recipient may get the message twice.
    """

    delivery_id: UUID
    action: OperatorAction
    status: DeliveryStatus
    by: str
    reason: str
    at: Time
    warning: str | None

    @classmethod
    def of(cls, change: DeliveryChange) -> Self:
        return cls(
            delivery_id=change.delivery_id,
            action=change.action,
            status=change.status,
            by=change.by,
            reason=change.reason,
            at=change.at,
            warning=warning_of_removed(change.removed),
        )


class DeliveriesChangeReply(JsonModel):
    """How many deliveries match, and how many were changed: none in a dry run.

    A ``warning`` says that some recipients may get the message twice.
    """

    action: OperatorAction
    dry_run: bool
    matching: int
    changed: int
    warning: str | None

    @classmethod
    def of(cls, change: DeliveriesChange) -> Self:
        return cls(
            action=change.action,
            dry_run=change.is_dry_run,
            matching=change.matching,
            changed=change.changed,
            warning=warning_of_removed(change.removed),
        )
