"""An operator has all deliveries that match attempted again, or gives them up."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import structlog

from notification_service.application.ports import UnitOfWork, UnitOfWorkFactory
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.domain.errors import MoreDeliveriesMatch
from notification_service.domain.operator_action import DeliveriesChange, OperatorAction
from notification_service.domain.provider_state import used_providers
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

    What a provider may have that no consumer uses any more is sent by another one, and the answer warns:
    nobody asks there. Unless the selection names what may have arrived, that is left to a further retry.
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
            used = _providers_to_send_by(unit_of_work, command)
            if expected is None:
                matching = unit_of_work.deliveries.count(selection)
                removed = unit_of_work.deliveries.at_removed_providers(selection, used)
                return Answer(DeliveriesChange(action, matching, 0, is_dry_run=True, removed=removed))
            delivery_ids = unit_of_work.deliveries.lock_selected(selection, limit=expected + 1)
            is_refused = len(delivery_ids) > expected
            # No ids would select all of them.
            if is_refused or not delivery_ids:
                done = _done(action, 0, {})
            else:
                done = _change(unit_of_work, command, replace(selection, delivery_ids=delivery_ids), used)
            if command.idempotency_key is not None:
                # Before a refusal, too: what succeeded once is not refused to its repetition.
                reply = {"changed": done.changed, "removed": dict(done.removed)}
                earlier = unit_of_work.idempotency_keys.claim(command.idempotency_key, reply)
                if earlier is not None:
                    # A former release stored no providers.
                    done = _done(action, earlier["changed"], earlier.get("removed", {}))
                    return Answer(done, is_replay=True)
            if is_refused:
                raise MoreDeliveriesMatch(unit_of_work.deliveries.count(selection), expected)
            unit_of_work.commit()
        _log.info(
            "deliveries_changed",
            action=action.value,
            deliveries=done.changed,
            by=command.by,
            reason=command.reason,
            removed_providers=sorted(done.removed),
        )
        return Answer(done)


def _providers_to_send_by(unit_of_work: UnitOfWork, command: ChangeDeliveriesCommand) -> Collection[str]:
    """The providers that are used; none if nothing of others may be sent by them."""
    if command.action is not OperatorAction.RETRY or command.selection.statuses <= command.action.unnamed:
        return ()
    return used_providers(unit_of_work.providers.all())


def _change(
    unit_of_work: UnitOfWork,
    command: ChangeDeliveriesCommand,
    locked: DeliverySelection,
    used: Collection[str],
) -> DeliveriesChange:
    """It may be fewer than were locked: a recipient may be erased after the search."""
    action, deliveries = command.action, unit_of_work.deliveries
    if action is OperatorAction.GIVE_UP:
        return _done(action, deliveries.give_up(locked, by=command.by, reason=command.reason), {})
    removed = deliveries.at_removed_providers(locked, used)
    retried = deliveries.retry(locked, by=command.by, reason=command.reason, used_providers=used)
    return _done(action, retried, removed)


def _done(action: OperatorAction, changed: int, removed: Mapping[str, int]) -> DeliveriesChange:
    return DeliveriesChange(action, changed, changed, is_dry_run=False, removed=removed)
