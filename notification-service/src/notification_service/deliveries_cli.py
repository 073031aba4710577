"""``notification-service deliveries``"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

import click

from notification_service.application.change_deliveries import ChangeDeliveries, ChangeDeliveriesCommand
from notification_service.application.show_delivery import ShowDelivery
from notification_service.deliveries_output import (
    delivery_as_json,
    delivery_with_history,
    print_deliveries,
    print_delivery,
)
from notification_service.domain.delivery import (
    CAN_BE_GIVEN_UP,
    RETRYABLE,
    DeliveryStatus,
    Effect,
)
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.domain.errors import MoreDeliveriesMatch
from notification_service.domain.operator_action import (
    DeliveriesChange,
    OperatorAction,
    warning_of_removed,
)
from notification_service.operator_database import operator_transactions
from servicekit.commands import OPERATOR, REASON, BadInput, OneLineGroup

PROCESS = "notification-deliveries"
_Command = TypeVar("_Command", bound=Callable[..., object])

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _status_option(allowed: frozenset[DeliveryStatus], help_text: str) -> Callable[[_Command], _Command]:
    names = [status.value for status in DeliveryStatus if status in allowed]
    return click.option("--status", type=click.Choice(names, case_sensitive=False), help=help_text)


def _effect_option(command: _Command) -> _Command:
    names = [effect.value for effect in Effect]
    choice = click.Choice(names, case_sensitive=False)
    return click.option("--effect", type=choice, help="Only these.")(command)


def _chosen_by_operator(allowed: frozenset[DeliveryStatus]) -> Callable[[_Command], _Command]:
    """The arguments of a command that changes deliveries with an ``allowed`` status."""

    def decorate(command: _Command) -> _Command:
        for option in (
            click.option("--reason", type=REASON, required=True, help="Why; stored and logged."),
            click.option("--by", type=OPERATOR, required=True, help="Your name; stored and logged."),
            _effect_option,
            _status_option(allowed, "Only these."),
            click.option("--all", "everything", is_flag=True, help="All that match the other options."),
            click.argument("delivery_ids", metavar="[DELIVERY_ID]...", nargs=-1, type=click.UUID),
        ):
            command = option(command)
        return command

    return decorate


@click.group(name="deliveries", cls=OneLineGroup)
def deliveries() -> None:
    """List the deliveries of completed orders' effects, retry them, and give them up."""


@deliveries.command(name="list")
@_status_option(frozenset(DeliveryStatus), "By default, all that `retry` takes.")
@_effect_option
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--after", type=click.UUID, help="Only deliveries behind this one.")
@_json_option
def list_command(
    status: str | None, effect: str | None, limit: int, after: UUID | None, *, as_json: bool
) -> None:
    """List deliveries by age, the oldest first; by default those that need an operator.

    These are FAILED, EXPIRED or GIVEN_UP, or UNKNOWN where the provider can't be asked.
    """
    selection = DeliverySelection(_statuses(status, RETRYABLE), _effect(effect), waiting_only=status is None)
    with operator_transactions(PROCESS) as transactions, transactions() as unit_of_work:
        found = unit_of_work.deliveries.find(selection, limit=limit, after=after)
    if as_json:
        click.echo(json.dumps([delivery_as_json(delivery) for delivery in found]))
        return
    print_deliveries(found)
    if len(found) == limit:
        click.echo(f"more with --after {found[-1].delivery_id}")


@deliveries.command()
@click.argument("delivery_id", type=click.UUID)
@_json_option
def show(delivery_id: UUID, *, as_json: bool) -> None:
    """Show a delivery with its attempts."""
    with operator_transactions(PROCESS) as transactions:
        found = ShowDelivery(transactions)(delivery_id)
    if found is None:
        raise click.ClickException(f"there is no delivery {delivery_id}")
    if as_json:
        click.echo(json.dumps(delivery_with_history(found)))
    else:
        print_delivery(found)


@deliveries.command()
@_chosen_by_operator(RETRYABLE)
@click.option("--yes", "is_confirmed", is_flag=True, help="Do it; --all without it only counts.")
def retry(delivery_ids: Sequence[UUID], by: str, reason: str, *, is_confirmed: bool, **filters: Any) -> None:
    """Attempt deliveries again: those with DELIVERY_IDs, or --all that are FAILED or GIVEN_UP.

    EXPIRED and UNKNOWN may have reached the recipient: name their --status, or ids. They are looked up first,
    and sent again where the provider can't be asked, or where no consumer uses it any more, with a warning.
    An alimtalk whose recipient was erased can't be retried.
    """
    is_confirmed = is_confirmed or bool(delivery_ids)
    action = OperatorAction.RETRY
    allowed = action.allowed if delivery_ids or filters["status"] else action.unnamed
    selection = _selection(delivery_ids, allowed, **filters)
    command = ChangeDeliveriesCommand(action, selection, by, reason)
    change = _counted_or_changed(command, is_confirmed=is_confirmed)
    retried = change.changed if is_confirmed else change.matching
    if not retried:
        raise click.ClickException(
            "no delivery that can be retried matches; `notification-service deliveries list` shows them"
        )
    if is_confirmed:
        click.echo(f"{retried} to be attempted again")
    else:
        click.echo(f"{retried} would be attempted again; add --yes to do it")
    if (warning := warning_of_removed(change.removed)) is not None:
        click.echo(f"warning: {warning}", err=True)


@deliveries.command(name="give-up")
@_chosen_by_operator(CAN_BE_GIVEN_UP)
@click.option("--yes", "is_confirmed", is_flag=True, help="Act; the default only counts.")
def give_up(
    delivery_ids: Sequence[UUID], by: str, reason: str, *, is_confirmed: bool, **filters: Any
) -> None:
    """Give deliveries up: those with DELIVERY_IDs, or --all, which --status and --effect may narrow.

    They are PENDING or UNKNOWN; what is being sent is left. `retry` takes them back. What is UNKNOWN may
    have reached the recipient.
    """
    selection = _selection(delivery_ids, CAN_BE_GIVEN_UP, **filters)
    command = ChangeDeliveriesCommand(OperatorAction.GIVE_UP, selection, by, reason)
    change = _counted_or_changed(command, is_confirmed=is_confirmed)
    if is_confirmed:
        click.echo(f"{change.changed} given up")
    else:
        click.echo(f"{change.matching} would be given up; add --yes to do it")


def _counted_or_changed(command: ChangeDeliveriesCommand, *, is_confirmed: bool) -> DeliveriesChange:
    """The change or, unless it is confirmed, what it would be."""
    with operator_transactions(PROCESS) as transactions:
        change = ChangeDeliveries(transactions)
        counted = change(command).result
        if not is_confirmed:
            return counted
        try:
            return change(replace(command, expected_count=counted.matching)).result
        except MoreDeliveriesMatch as error:
            raise click.ClickException(str(error)) from error


def _selection(
    delivery_ids: Sequence[UUID],
    allowed: frozenset[DeliveryStatus],
    *,
    status: str | None,
    effect: str | None,
    everything: bool,
) -> DeliverySelection:
    if bool(delivery_ids) == everything:
        raise BadInput("give either delivery ids or --all, which --status and --effect may narrow")
    return DeliverySelection(_statuses(status, allowed), _effect(effect), delivery_ids)


def _statuses(name: str | None, default: frozenset[DeliveryStatus]) -> frozenset[DeliveryStatus]:
    return default if name is None else frozenset({DeliveryStatus(name)})


def _effect(name: str | None) -> Effect | None:
    return None if name is None else Effect(name)
