"""What operators send."""

from collections.abc import Iterable
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from notification_service.application.change_deliveries import ChangeDeliveriesCommand
from notification_service.application.change_delivery import ChangeDeliveryCommand
from notification_service.domain.delivery import RETRYABLE, DeliveryStatus, Effect
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.operator_action import OperatorAction
from notification_service.http.bodies import EffectName
from servicekit.fields import Operator, Reason, RequestModel
from servicekit.http.models import BodyModel, PathModel, QueryModel
from servicekit.idempotency.key import IdempotencyKey

LARGEST_PAGE = 1_000
MOST_CHANGED = 100_000


class DeliveryPath(PathModel):
    """A delivery in a path."""

    delivery_id: UUID


class DeliveriesQuery(QueryModel):
    """Which deliveries, and which page of them; without a status, those that need an operator."""

    status: Annotated[
        list[DeliveryStatus], Field(default_factory=list, description="May be repeated: any of these.")
    ]
    effect: EffectName | None = None
    last_error: FailureReason | None = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = 100
    after: Annotated[UUID | None, Field(description="`nextAfter` of the page before.")] = None

    def selection(self) -> DeliverySelection:
        return DeliverySelection(
            frozenset(self.status) or RETRYABLE,
            _effect(self.effect),
            waiting_only=not self.status,
            last_error=self.last_error,
        )


class OperatorBody(BodyModel):
    """Which operator does it, and why."""

    by: Operator
    reason: Reason

    def command(
        self, delivery_id: UUID, action: OperatorAction, key: IdempotencyKey | None
    ) -> ChangeDeliveryCommand:
        return ChangeDeliveryCommand(delivery_id, action, self.by, self.reason, key)


class _MatchingPart(RequestModel):
    """Which deliveries an operator means; those that match all of it."""

    by: Operator
    reason: Reason
    effect: EffectName | None = None
    last_error: FailureReason | None = None
    expected_count: Annotated[
        Annotated[int, Field(strict=True, ge=0, le=MOST_CHANGED)] | None,
        Field(
            description="Absent: nothing is changed, and the answer counts what matches. If more match"
            " than this, nothing is changed."
        ),
    ] = None

    def _command(
        self, action: OperatorAction, named: Iterable[str], key: IdempotencyKey | None
    ) -> ChangeDeliveriesCommand:
        statuses = frozenset(DeliveryStatus(name) for name in named) or action.unnamed
        selection = DeliverySelection(statuses, _effect(self.effect), last_error=self.last_error)
        return ChangeDeliveriesCommand(action, selection, self.by, self.reason, self.expected_count, key)


class RetryBody(_MatchingPart, BodyModel):
    """What to attempt again; without a status FAILED and GIVEN_UP, since the others may have arrived."""

    # An empty list would select the same as none at all.
    status: Annotated[
        list[Literal["FAILED", "GIVEN_UP", "EXPIRED", "UNKNOWN"]], Field(default_factory=list, min_length=1)
    ]

    def command(self, key: IdempotencyKey | None) -> ChangeDeliveriesCommand:
        return self._command(OperatorAction.RETRY, self.status, key)


class GiveUpBody(_MatchingPart, BodyModel):
    """What to give up; without a status, all that may be."""

    status: Annotated[list[Literal["PENDING", "UNKNOWN"]], Field(default_factory=list, min_length=1)]

    def command(self, key: IdempotencyKey | None) -> ChangeDeliveriesCommand:
        return self._command(OperatorAction.GIVE_UP, self.status, key)


def _effect(name: EffectName | None) -> Effect | None:
    return None if name is None else Effect(name.upper())
