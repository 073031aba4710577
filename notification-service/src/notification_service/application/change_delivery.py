"""An operator has one delivery attempted again, or gives it up."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from notification_service.application.ports import UnitOfWork, UnitOfWorkFactory
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.domain.errors import DeliveryNotFound, RecipientErased
from notification_service.domain.operator_action import DeliveryChange, OperatorAction
from notification_service.domain.provider_state import used_providers
from servicekit.idempotency.key import Answer, IdempotencyKey, Reply

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
    message that finally failed is sent once more. So is one that a provider may have that no consumer uses
    any more, and the answer warns: nobody asks there.
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
            only = DeliverySelection(action.allowed, delivery_ids=[command.delivery_id])
            used = used_providers(unit_of_work.providers.all())
            change = _change(command, unit_of_work.now(), _removed(unit_of_work, action, only, used))
            if command.idempotency_key is not None:
                # Before a refusal, too: what succeeded once is not refused to its repetition.
                earlier = unit_of_work.idempotency_keys.claim(
                    command.idempotency_key, {"at": change.at.isoformat(), "removed": dict(change.removed)}
                )
                if earlier is not None:
                    return Answer(_earlier(command, earlier), is_replay=True)
            action.check(delivery)
            # Nothing else is in its way: it is locked, and its status allows the change.
            if not _has_changed(unit_of_work, change, only, used):
                raise RecipientErased(delivery.status)
            unit_of_work.commit()
        _log.info(
            "delivery_changed",
            delivery_id=str(command.delivery_id),
            action=action.value,
            by=command.by,
            reason=command.reason,
            removed_providers=sorted(change.removed),
        )
        return Answer(change)


def _removed(
    unit_of_work: UnitOfWork, action: OperatorAction, only: DeliverySelection, used: Collection[str]
) -> Mapping[str, int]:
    if action is not OperatorAction.RETRY:
        return {}
    return unit_of_work.deliveries.at_removed_providers(only, used)


def _has_changed(
    unit_of_work: UnitOfWork, change: DeliveryChange, only: DeliverySelection, used: Collection[str]
) -> bool:
    deliveries, by, reason, at = unit_of_work.deliveries, change.by, change.reason, change.at
    if change.action is OperatorAction.RETRY:
        return deliveries.retry(only, by=by, reason=reason, at=at, used_providers=used) > 0
    return deliveries.give_up(only, by=by, reason=reason, at=at) > 0


def _earlier(command: ChangeDeliveryCommand, stored: Reply) -> DeliveryChange:
    # A former release stored no providers.
    return _change(command, datetime.fromisoformat(stored["at"]), stored.get("removed", {}))


def _change(command: ChangeDeliveryCommand, at: datetime, removed: Mapping[str, int]) -> DeliveryChange:
    return DeliveryChange(
        command.delivery_id, command.action, command.action.leads_to, command.by, command.reason, at, removed
    )
