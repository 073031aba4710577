"""``order-service payments``"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import click

from order_service.application.acknowledge_taken_back import (
    AcknowledgeTakenBack,
    AcknowledgeTakenBackCommand,
)
from order_service.application.end_cancellation import EndCancellation
from order_service.application.list_payments import ListPayments, ListPaymentsCommand
from order_service.application.look_up_payment_at_once import LookUpPaymentAtOnce, LookUpPaymentAtOnceCommand
from order_service.application.record_contradiction import RecordContradiction
from order_service.application.record_refund import RecordRefund, RecordRefundCommand
from order_service.application.refund_payment import RefundPayment
from order_service.application.refund_payment_at_once import RefundPaymentAtOnce, RefundPaymentAtOnceCommand
from order_service.application.settle_payment import SettlePayment
from order_service.application.show_payment import ShowPayment
from order_service.config import ListingSettings, OperatingSettings
from order_service.domain.contradiction import Contradiction
from order_service.domain.errors import (
    GatewayMisconfigured,
    NotTakenBack,
    OrderError,
    PaymentBusy,
    PaymentNotFound,
    RefundNotDue,
)
from order_service.domain.payment import Payment
from order_service.domain.payment_selection import PaymentState
from order_service.domain.refund_outcome import Refunded, RefundOutcome, RefundRefused
from order_service.gateways.configured import configured_gateways
from order_service.messaging.outgoing_order_cancelled import order_cancelled
from order_service.messaging.outgoing_order_completed import order_completed
from order_service.migrations import SCHEMA
from order_service.payments_choice import (
    Choice,
    chosen_ids,
    selection_of,
    with_choice,
    with_filters,
    with_who_and_why,
)
from order_service.payments_output import payments_as_json, print_history, print_payments
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.commands import BadInput, OneLineGroup
from servicekit.config import load_settings
from servicekit.db.operated_engine import operated_engine
from servicekit.db.schema_check import check_schema_or_exit
from servicekit.observability.logging import configure_logging

PROCESS = "order-payments"

_CONTRADICTIONS = {
    Contradiction.SEEN_ONCE: "; the worker asks once more, in a minute, before that is recorded",
    Contradiction.TAKEN_BACK: "; that its money is gone is recorded",
    Contradiction.RESTORED: "; that its money is back is recorded",
    Contradiction.GONE_AGAIN: "; its money is gone once more, which the ledger does not have",
    Contradiction.KNOWN: "; that is known, and a refund under way is asked about",
}
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(name="payments", cls=OneLineGroup)
def payments() -> None:
    """List and show payments, ask gateways about them, and return what is due."""


@payments.command(name="list")
@with_filters
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

    REFUND_DUE are those whose money is not returned yet, or for whose order a cancellation waits for its
    refund; of them the gateway refuses REFUND_REFUSED. TAKEN_BACK are APPROVED, and the gateway has taken
    their money back, which is not acknowledged.
    """
    selection = selection_of(state, gateway, order_id)
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
    """Show a payment, its order and its cancellations, its refund and what operators did."""
    with _transactions(load_settings(ListingSettings)) as unit_of_work:
        try:
            history = ShowPayment(unit_of_work)(payment_id)
        except PaymentNotFound as error:
            raise BadInput(str(error)) from error
    print_history(history, as_json=as_json)


@payments.command(name="look-up")
@with_choice
def look_up(payment_ids: Sequence[UUID], by: str, reason: str, **options: Any) -> None:
    """Ask the gateways now what became of payments, and settle them by the answers.

    If the money of an approved one is gone, or is there again, that is recorded once the gateway has said so
    twice; after the first time the worker asks again. Those with PAYMENT_IDs, or --all with a --state.
    """
    choice = Choice(**options)
    if not payment_ids and choice.state is None:
        raise BadInput("--all needs a --state")
    settings = load_settings(OperatingSettings)
    with _transactions(settings) as unit_of_work:
        gateways = configured_gateways(settings, connections=1)
        ask = LookUpPaymentAtOnce(
            unit_of_work,
            gateways,
            SettlePayment(unit_of_work, order_completed),
            RecordContradiction(unit_of_work, _no_report),
            timedelta(seconds=settings.payment_in_progress_seconds),
        )

        def one(payment_id: UUID) -> bool:
            found = ask(LookUpPaymentAtOnceCommand(payment_id, by, reason))
            status, answer = found.payment.status.value, type(found.outcome).__name__
            more = "" if found.contradiction is None else _CONTRADICTIONS[found.contradiction]
            click.echo(f"payment {payment_id} is {status}; its gateway answered {answer}{more}")
            return True

        default = PaymentState.UNKNOWN
        _each(chosen_ids(unit_of_work, payment_ids, choice, default=default, done="looked up"), one)


@payments.command()
@with_choice
def refund(payment_ids: Sequence[UUID], by: str, reason: str, **options: Any) -> None:
    """Return now what was taken wrongly or a cancellation waits for, once, however often this is repeated.

    Of the payments with PAYMENT_IDs, or of --all that are REFUND_DUE. The worker does this by itself, but not
    again where the gateway has refused it: this tries once more.
    """
    settings = load_settings(OperatingSettings)
    with _transactions(settings) as unit_of_work:
        gateways = configured_gateways(settings, connections=1)
        step = RefundPayment(unit_of_work, gateways, EndCancellation(order_cancelled))
        make = RefundPaymentAtOnce(unit_of_work, step, settings.refund_lease)

        def one(payment_id: UUID) -> bool:
            return _is_said(payment_id, make(RefundPaymentAtOnceCommand(payment_id, by, reason)))

        default, choice = PaymentState.REFUND_DUE, Choice(**options)
        _each(chosen_ids(unit_of_work, payment_ids, choice, default=default, done="refunded"), one)


@payments.command()
@click.argument("payment_id", type=click.UUID)
@click.option("--outside", is_flag=True, help="Refunded elsewhere; the gateway keeps its money.")
@with_who_and_why
def refunded(payment_id: UUID, by: str, reason: str, *, outside: bool) -> None:
    """Record that you have returned by hand what was due of a payment; a cancellation ends with it.

    At the gateway, as with its own pages; or --outside of it, as from a bank account. What is left to return,
    and the ledger's account of the gateway, go by that.
    """
    with _transactions(load_settings(ListingSettings)) as unit_of_work:
        record = RecordRefund(unit_of_work, EndCancellation(order_cancelled))

        def one(payment_id: UUID) -> bool:
            record(RecordRefundCommand(payment_id, by, reason, outside))
            click.echo(f"payment {payment_id} is recorded as refunded")
            return True

        _each([payment_id], one)


@payments.command()
@click.argument("payment_id", type=click.UUID)
@with_who_and_why
def acknowledge(payment_id: UUID, by: str, reason: str) -> None:
    """Record that you know that the gateway has taken a payment's money back, which ends the alert."""
    with _transactions(load_settings(ListingSettings)) as unit_of_work:
        acknowledging = AcknowledgeTakenBack(unit_of_work)

        def one(payment_id: UUID) -> bool:
            acknowledging(AcknowledgeTakenBackCommand(payment_id, by, reason))
            click.echo(f"payment {payment_id} is acknowledged")
            return True

        _each([payment_id], one)


def _no_report(payment: Payment) -> None:
    """Nobody asks this process for metrics. The worker shows how many are not acknowledged."""


def _is_said(payment_id: UUID, outcome: RefundOutcome) -> bool:
    match outcome:
        case Refunded():
            click.echo(f"payment {payment_id} is refunded")
            return True
        case RefundRefused(code):
            advice = "return the money by hand, then run `order-service payments refunded --outside`"
            _complain(f"the gateway refuses to refund payment {payment_id}: {code}; {advice}")
        case _:
            _complain(
                f"the gateway has not answered whether payment {payment_id} is refunded; the worker asks"
            )
    return False


def _each(payment_ids: Sequence[UUID], do: Callable[[UUID], bool]) -> None:
    """Exits with 2 where a payment is the wrong one, with 1 where something couldn't be done yet."""
    status = 0
    for payment_id in payment_ids:
        try:
            status = max(status, 0 if do(payment_id) else 1)
        except (PaymentNotFound, RefundNotDue, NotTakenBack) as error:
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


@contextmanager
def _transactions(settings: ListingSettings | OperatingSettings) -> Iterator[Callable[[], OrderUnitOfWork]]:
    configure_logging(settings.log_level, settings.log_format, PROCESS)
    check_schema_or_exit(settings, SCHEMA)
    with operated_engine(settings, PROCESS) as engine:
        yield partial(OrderUnitOfWork, engine)
