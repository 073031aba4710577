"""The composition root of the commands for refunds. They exit with 1 where the database can't be used."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

import click

from order_service.application.list_refunds_due import ListRefundsDue
from order_service.application.record_refund import RecordRefund, RecordRefundCommand
from order_service.config import RefundSettings
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


def record_refund(settings: RefundSettings, payment_id: UUID, by: str) -> None:
    """Exits with 2 where no refund of this payment is due."""
    with _unit_of_work(settings) as unit_of_work:
        recorded = RecordRefund(unit_of_work)(RecordRefundCommand(payment_id, by))
    if not recorded:
        click.echo(
            f"Error: no refund of payment {payment_id} is due; `order-service refunds` lists them", err=True
        )
        sys.exit(2)


@contextmanager
def _unit_of_work(settings: RefundSettings) -> Iterator[partial[OrderUnitOfWork]]:
    with operated_engine(settings, "order-refunds") as engine:
        yield partial(OrderUnitOfWork, engine)
