"""An operator has one delivery attempted again, or gives it up."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.domain.errors import DeliveryNotFound, RecipientErased
from notification_service.domain.operator_action import DeliveryChange, OperatorAction
from servicekit.idempotency.key import Answer, IdempotencyKey

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChangeDeliveryCommand:
    """What to do to which delivery, with the operator's name and reason."""

    delivery_id: UUID
    action: OperatorAction
    by: str
    reason: str
    idempotency_key: IdempotencyKey | None = None


class ChangeDelivery:
    """Changes a delivery, with the operator and the reason; once for each idempotency key.

    A retried delivery's attempts still count, so that the provider is asked before anything is sent again; a
    message that finally failed is sent once more.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: ChangeDeliveryCommand) -> Answer[DeliveryChange]:
        """The change, made now or earlier.

        Raises DeliveryNotFound, DeliveryTransitionRefused and RecipientErased.
        """
        action = command.action
        with self._unit_of_work() as unit_of_work:
            delivery = unit_of_work.deliveries.lock(command.delivery_id)
            if delivery is None:
                raise DeliveryNotFound
            change = _change(command, unit_of_work.now())
            if command.idempotency_key is not None:
                # Before a refusal, too: what succeeded once is not refused to its repetition.
                earlier = unit_of_work.idempotency_keys.claim(
                    command.idempotency_key, {"at": change.at.isoformat()}
                )
                if earlier is not None:
                    return Answer(_change(command, datetime.fromisoformat(earlier["at"])), is_replay=True)
            action.check(delivery)
            only = DeliverySelection(action.allowed, delivery_ids=[command.delivery_id])
            change_all = (
                unit_of_work.deliveries.retry
                if action is OperatorAction.RETRY
                else unit_of_work.deliveries.give_up
            )
            # Nothing else is in its way: it is locked, and its status allows the change.
            if not change_all(only, by=command.by, reason=command.reason, at=change.at):
                raise RecipientErased(delivery.status)
            unit_of_work.commit()
        _log.info(
            "delivery_changed",
            delivery_id=str(command.delivery_id),
            action=action.value,
            by=command.by,
            reason=command.reason,
        )
        return Answer(change)


def _change(command: ChangeDeliveryCommand, at: datetime) -> DeliveryChange:
    return DeliveryChange(
        command.delivery_id, command.action, command.action.leads_to, command.by, command.reason, at
    )
