"""``order-service payments``"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

import click

from order_service.application.list_payments import ListedPayments, ListPayments, ListPaymentsCommand
from order_service.application.look_up_at_once import LookUpAtOnce, LookUpAtOnceCommand
from order_service.application.look_up_payment import LookUpPayment
from order_service.application.record_refund import RecordRefund, RecordRefundCommand
from order_service.application.refund_at_once import RefundAtOnce, RefundAtOnceCommand
from order_service.application.refund_payment import RefundPayment
from order_service.application.settle_payment import SettlePayment
from order_service.application.show_payment import ShowPayment
from order_service.config import ListingSettings, OperatingSettings
from order_service.domain.errors import (
    GatewayMisconfigured,
    OrderError,
    PaymentBusy,
    PaymentNotFound,
    RefundNotDue,
)
from order_service.domain.payment_selection import PaymentSelection, PaymentState
from order_service.domain.refund_outcome import Refunded, RefundOutcome, RefundRefused
from order_service.gateways.configured import configured_gateways
from order_service.messaging.outgoing_order_completed import order_completed
from order_service.migrations import SCHEMA
from order_service.payments_output import payments_as_json, print_history, print_payments
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.commands import OPERATOR, REASON, BadInput, OneLineGroup
from servicekit.config import load_settings
from servicekit.db.operated_engine import operated_engine
from servicekit.db.schema_check import check_schema_or_exit
from servicekit.observability.logging import configure_logging

PROCESS = "order-payments"
AT_ONCE = 1_000
_Command = TypeVar("_Command", bound=Callable[..., object])

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _filters(command: _Command) -> _Command:
    names = [state.value for state in PaymentState]
    for option in (
        click.option("--order", "order_id", type=click.UUID, help="Only of this order."),
        click.option("--gateway", help="Only at this gateway."),
        click.option("--state", type=click.Choice(names, case_sensitive=False), help="Only these."),
    ):
        command = option(command)
    return command


def _who_and_why(command: _Command) -> _Command:
    for option in (
        click.option("--because", type=REASON, required=True, help="Why; stored."),
        click.option("--by", type=OPERATOR, required=True, help="Your name; stored."),
    ):
        command = option(command)
    return command


def _chosen(command: _Command) -> _Command:
    """The arguments of a command for payments with ids, or for all that match."""
    for option in (
        click.option("--yes", "is_confirmed", is_flag=True, help="Do it; --all without it only counts."),
        _who_and_why,
        _filters,
        click.option("--all", "everything", is_flag=True, help="All that match the other options."),
        click.argument("payment_ids", metavar="[PAYMENT_ID]...", nargs=-1, type=click.UUID),
    ):
        command = option(command)
    return command


@click.group(name="payments", cls=OneLineGroup)
def payments() -> None:
    """List and show payments, ask gateways about them, and return what was taken wrongly."""


@payments.command(name="list")
@_filters
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--before", type=click.UUID, help="Only payments older than this one.")
@_json_option
def list_command(
    state: str | None,
    gateway: str | None,
    order_id: UUID | None,
    limit: int,
    before: UUID | None,
    *,
    as_json: bool,
) -> None:
    """List payments, the newest first.

    REFUND_DUE are those whose money is not returned yet; of them the gateway refuses REFUND_REFUSED.
    """
    selection = _selection(state, gateway, order_id)
    with _transactions(load_settings(ListingSettings)) as unit_of_work:
        found = ListPayments(unit_of_work)(ListPaymentsCommand(selection, limit, before)).payments
    if as_json:
        click.echo(payments_as_json(found))
        return
    print_payments(found)
    if len(found) == limit:
        click.echo(f"more with --before {found[-1].payment.payment_id}")


@payments.command()
@click.argument("payment_id", type=click.UUID)
@_json_option
def show(payment_id: UUID, *, as_json: bool) -> None:
    """Show a payment, its order, its refund and what operators did."""
    with _transactions(load_settings(ListingSettings)) as unit_of_work:
        try:
            history = ShowPayment(unit_of_work)(payment_id)
        except PaymentNotFound as error:
            raise BadInput(str(error)) from error
    print_history(history, as_json=as_json)


@payments.command(name="look-up")
@_chosen
def look_up(payment_ids: Sequence[UUID], by: str, because: str, **choice: object) -> None:
    """Ask the gateways now what became of payments, and settle them by the answers.

    Those with PAYMENT_IDs, or --all with a --state.
    """
    if not payment_ids and choice["state"] is None:
        raise BadInput("--all needs a --state")
    settings = load_settings(OperatingSettings)
    with _transactions(settings) as unit_of_work:
        gateways = configured_gateways(settings, connections=1)
        ask = LookUpAtOnce(
            unit_of_work,
            LookUpPayment(gateways),
            SettlePayment(unit_of_work, order_completed),
            timedelta(seconds=settings.payment_in_progress_seconds),
        )

        def one(payment_id: UUID) -> bool:
            found = ask(LookUpAtOnceCommand(payment_id, by, because))
            status, answer = found.payment.status.value, type(found.outcome).__name__
            click.echo(f"payment {payment_id} is {status}; its gateway answered {answer}")
            return True

        chosen = _ids(unit_of_work, payment_ids, "looked up", PaymentState.UNKNOWN, **choice)
        _each(chosen, one)


@payments.command()
@_chosen
def refund(payment_ids: Sequence[UUID], by: str, because: str, **choice: object) -> None:
    """Return now what was taken wrongly, once, however often this is repeated.

    Of the payments with PAYMENT_IDs, or of --all that are REFUND_DUE. The worker does this by itself, but not
    again where the gateway has refused it: this tries once more.
    """
    settings = load_settings(OperatingSettings)
    with _transactions(settings) as unit_of_work:
        gateways = configured_gateways(settings, connections=1)
        make = RefundAtOnce(unit_of_work, RefundPayment(unit_of_work, gateways), settings.refund_lease)

        def one(payment_id: UUID) -> bool:
            return _is_said(payment_id, make(RefundAtOnceCommand(payment_id, by, because)))

        chosen = _ids(unit_of_work, payment_ids, "refunded", PaymentState.REFUND_DUE, **choice)
        _each(chosen, one)


@payments.command()
@click.argument("payment_id", type=click.UUID)
@_who_and_why
def refunded(payment_id: UUID, by: str, because: str) -> None:
    """Record that you have returned the money of a REFUND_DUE payment by hand."""
    with _transactions(load_settings(ListingSettings)) as unit_of_work:
        record = RecordRefund(unit_of_work)

        def one(payment_id: UUID) -> bool:
            record(RecordRefundCommand(payment_id, by, because))
            click.echo(f"payment {payment_id} is recorded as refunded")
            return True

        _each([payment_id], one)


def _is_said(payment_id: UUID, outcome: RefundOutcome) -> bool:
    match outcome:
        case Refunded():
            click.echo(f"payment {payment_id} is refunded")
            return True
        case RefundRefused(code):
            advice = "return the money by hand, then run `order-service payments refunded`"
            _complain(f"the gateway refuses to refund payment {payment_id}: {code}; {advice}")
        case _:
            _complain(
                f"the gateway has not answered whether payment {payment_id} is refunded; the worker asks"
            )
    return False


def _ids(
    unit_of_work: Callable[[], OrderUnitOfWork],
    payment_ids: Sequence[UUID],
    done: str,
    default: PaymentState,
    **choice: object,
) -> Sequence[UUID]:
    """Those that are chosen. Ends the process with their number where many are and it isn't confirmed."""
    everything, is_confirmed = choice.pop("everything"), choice.pop("is_confirmed")
    if bool(payment_ids) == everything or (payment_ids and any(choice.values())):
        raise BadInput("give either payment ids or --all, which --state, --gateway and --order may narrow")
    if payment_ids:
        return payment_ids
    selection = _selection(**{"state": default.value, **{k: v for k, v in choice.items() if v}})  # type: ignore[arg-type]
    found: ListedPayments = ListPayments(unit_of_work)(ListPaymentsCommand(selection, AT_ONCE))
    if not is_confirmed:
        click.echo(f"{found.matching} would be {done}; add --yes to do it, at most {AT_ONCE} at once")
        raise click.exceptions.Exit(0)
    return [operated.payment.payment_id for operated in found.payments]


def _each(payment_ids: Sequence[UUID], do: Callable[[UUID], bool]) -> None:
    """Exits with 2 where a payment is the wrong one, with 1 where something couldn't be done yet."""
    status = 0
    for payment_id in payment_ids:
        try:
            status = max(status, 0 if do(payment_id) else 1)
        except (PaymentNotFound, RefundNotDue) as error:
            _complain(str(error))
            status = 2
        except PaymentBusy as error:
            _complain(str(error))
            status = max(status, 1)
        except GatewayMisconfigured:
            _complain(f"the gateway of payment {payment_id} refuses this service; the log line says why")
            status = max(status, 1)
        except OrderError as error:
            _complain(f"payment {payment_id}: {error}")
            status = max(status, 1)
    raise click.exceptions.Exit(status)


def _complain(sentence: str) -> None:
    click.echo(f"Error: {sentence}", err=True)


def _selection(state: str | None, gateway: str | None, order_id: UUID | None) -> PaymentSelection:
    return PaymentSelection(None if state is None else PaymentState(state), gateway, order_id)


@contextmanager
def _transactions(settings: ListingSettings | OperatingSettings) -> Iterator[Callable[[], OrderUnitOfWork]]:
    configure_logging(settings.log_level, settings.log_format, PROCESS)
    check_schema_or_exit(settings, SCHEMA)
    with operated_engine(settings, PROCESS) as engine:
        yield partial(OrderUnitOfWork, engine)
