"""The composition root of the commands for refunds. They exit with 1 where the database can't be used."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NoReturn
from uuid import UUID

import click

from order_service.application.list_refunds_due import ListRefundsDue
from order_service.application.record_refund import RecordRefund, RecordRefundCommand
from order_service.application.refund_payment import RefundPayment, RefundPaymentCommand
from order_service.config import RefundingSettings, RefundSettings
from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.refund_outcome import Refunded, RefundRefused
from order_service.gateways.configured import configured_gateways
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.db.operated_engine import operated_engine
from servicekit.rfc3339 import format_rfc3339

SHOWN = 1_000


def list_refunds(settings: RefundSettings) -> None:
    """Prints a line for each refund that is due: ids, what was taken in minor units, time of approval."""
    with _unit_of_work(settings) as unit_of_work:
        payments = ListRefundsDue(unit_of_work)(SHOWN)
    for payment in payments:
        money, approved_at = payment.to_return, payment.approved_at
        when = "" if approved_at is None else format_rfc3339(approved_at)
        click.echo(
            f"{payment.payment_id}  order {payment.request.order_id}  {money.amount} {money.currency}  {when}"
        )


def make_refund(settings: RefundingSettings, payment_id: UUID, by: str) -> None:
    """Exits with 2 where no refund of this payment is due, with 1 where its money was not returned yet."""
    gateways = configured_gateways(settings, connections=1)
    with _unit_of_work(settings) as unit_of_work:
        try:
            outcome = RefundPayment(unit_of_work, gateways)(RefundPaymentCommand(payment_id, by))
        except GatewayMisconfigured:
            _fail(1, f"the gateway of payment {payment_id} refuses this service; its log line says why")
    match outcome:
        case None:
            _none_is_due(payment_id)
        case Refunded():
            click.echo(f"payment {payment_id} is refunded")
        case RefundRefused(code):
            advice = "return the money by hand, then run `order-service refunded`"
            _fail(1, f"the gateway refuses to refund payment {payment_id}: {code}; {advice}")
        case _:
            _fail(1, f"the gateway has not answered whether payment {payment_id} is refunded; repeat this")


def record_refund(settings: RefundSettings, payment_id: UUID, by: str) -> None:
    """Exits with 2 where no refund of this payment is due."""
    with _unit_of_work(settings) as unit_of_work:
        recorded = RecordRefund(unit_of_work)(RecordRefundCommand(payment_id, by))
    if not recorded:
        _none_is_due(payment_id)


def _none_is_due(payment_id: UUID) -> NoReturn:
    _fail(2, f"no refund of payment {payment_id} is due; `order-service refunds` lists them")


def _fail(status: int, message: str) -> NoReturn:
    click.echo(f"Error: {message}", err=True)
    sys.exit(status)


@contextmanager
def _unit_of_work(settings: RefundSettings | RefundingSettings) -> Iterator[partial[OrderUnitOfWork]]:
    with operated_engine(settings, "order-refunds") as engine:
        yield partial(OrderUnitOfWork, engine)
