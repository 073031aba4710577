"""An operator has all deliveries that match attempted again, or gives them up."""

from dataclasses import dataclass, replace

import structlog

from notification_service.application.ports import UnitOfWork, UnitOfWorkFactory
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.domain.errors import MoreDeliveriesMatch
from notification_service.domain.operator_action import DeliveriesChange, OperatorAction
from servicekit.idempotency.key import Answer, IdempotencyKey

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChangeDeliveriesCommand:
    """What to do to what is selected, with the operator's name and reason.

    Without ``expected_count`` nothing is changed: the deliveries are only counted.
    """

    action: OperatorAction
    selection: DeliverySelection
    by: str
    reason: str
    expected_count: int | None = None
    idempotency_key: IdempotencyKey | None = None


class ChangeDeliveries:
    """Changes what is selected and may be changed, all or none of it; once for each idempotency key.

    More than was expected is refused, so that never more is changed than an operator has counted. What has
    changed by itself since then is left. Nothing is changed that a process holds a claim on.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: ChangeDeliveriesCommand) -> Answer[DeliveriesChange]:
        """The change, made now or earlier. Raises MoreDeliveriesMatch."""
        action, expected = command.action, command.expected_count
        selection = replace(
            command.selection,
            statuses=command.selection.statuses & action.allowed,
            # A planned look-up is only in the way of a retry.
            waiting_only=action is OperatorAction.RETRY,
            sendable_only=action is OperatorAction.RETRY,
        )
        with self._unit_of_work() as unit_of_work:
            if expected is None:
                matching = unit_of_work.deliveries.count(selection)
                return Answer(DeliveriesChange(action, matching, 0, is_dry_run=True))
            delivery_ids = unit_of_work.deliveries.lock_selected(selection, limit=expected + 1)
            is_refused = len(delivery_ids) > expected
            # No ids would select all of them.
            if is_refused or not delivery_ids:
                changed = 0
            else:
                changed = _change(unit_of_work, command, replace(selection, delivery_ids=delivery_ids))
            if command.idempotency_key is not None:
                # Before a refusal, too: what succeeded once is not refused to its repetition.
                earlier = unit_of_work.idempotency_keys.claim(command.idempotency_key, {"changed": changed})
                if earlier is not None:
                    return Answer(_done(action, earlier["changed"]), is_replay=True)
            if is_refused:
                raise MoreDeliveriesMatch(unit_of_work.deliveries.count(selection), expected)
            unit_of_work.commit()
        _log.info(
            "deliveries_changed",
            action=action.value,
            deliveries=changed,
            by=command.by,
            reason=command.reason,
        )
        return Answer(_done(action, changed))


def _change(unit_of_work: UnitOfWork, command: ChangeDeliveriesCommand, locked: DeliverySelection) -> int:
    """How many were changed: a recipient may be erased after the search."""
    deliveries = unit_of_work.deliveries
    change_all = deliveries.retry if command.action is OperatorAction.RETRY else deliveries.give_up
    return change_all(locked, by=command.by, reason=command.reason)


def _done(action: OperatorAction, changed: int) -> DeliveriesChange:
    return DeliveriesChange(action, matching=changed, changed=changed, is_dry_run=False)
