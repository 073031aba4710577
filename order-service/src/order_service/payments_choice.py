"""Which payments an operator's command is for, and who runs it and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import click

from order_service.application.list_payments import ListPayments, ListPaymentsCommand
from order_service.domain.payment_selection import PaymentSelection, PaymentState
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.commands import OPERATOR, REASON, BadInput

AT_ONCE = 1_000
_Command = TypeVar("_Command", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Choice:
    """What was given beside ids, by the names of the options."""

    state: str | None
    gateway: str | None
    order_id: UUID | None
    everything: bool
    is_confirmed: bool

    @property
    def is_narrowed(self) -> bool:
        return any((self.state, self.gateway, self.order_id))


def with_filters(command: _Command) -> _Command:
    names = [state.value for state in PaymentState]
    for option in (
        click.option("--order", "order_id", type=click.UUID, help="Only of this order."),
        click.option("--gateway", help="Only at this gateway."),
        click.option("--state", type=click.Choice(names, case_sensitive=False), help="Only these."),
    ):
        command = option(command)
    return command


def with_who_and_why(command: _Command) -> _Command:
    for option in (
        click.option("--reason", type=REASON, required=True, help="Why; stored."),
        click.option("--by", type=OPERATOR, required=True, help="Your name; stored."),
    ):
        command = option(command)
    return command


def with_choice(command: _Command) -> _Command:
    """The arguments of a command for payments with ids, or for all that match."""
    for option in (
        click.option("--yes", "is_confirmed", is_flag=True, help="Do it; --all without it only counts."),
        with_who_and_why,
        with_filters,
        click.option("--all", "everything", is_flag=True, help="All that match the other options."),
        click.argument("payment_ids", metavar="[PAYMENT_ID]...", nargs=-1, type=click.UUID),
    ):
        command = option(command)
    return command


def selection_of(state: str | None, gateway: str | None, order_id: UUID | None) -> PaymentSelection:
    return PaymentSelection(None if state is None else PaymentState(state), gateway, order_id)


def chosen_ids(
    unit_of_work: Callable[[], OrderUnitOfWork],
    payment_ids: Sequence[UUID],
    choice: Choice,
    *,
    default: PaymentState,
    done: str,
) -> Sequence[UUID]:
    """Ends the process with their number where all that match are chosen and it isn't confirmed."""
    if bool(payment_ids) == choice.everything or (payment_ids and choice.is_narrowed):
        raise BadInput("give either payment ids or --all, which --state, --gateway and --order may narrow")
    if payment_ids:
        return payment_ids
    selection = selection_of(choice.state or default.value, choice.gateway, choice.order_id)
    found = ListPayments(unit_of_work)(ListPaymentsCommand(selection, AT_ONCE))
    if not choice.is_confirmed:
        click.echo(f"{found.matching} would be {done}; add --yes to do it, {AT_ONCE} at once at most")
        raise click.exceptions.Exit(0)
    return [operated.payment.payment_id for operated in found.payments]
