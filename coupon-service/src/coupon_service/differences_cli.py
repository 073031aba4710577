"""``coupon-service differences``"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

import click
import structlog

from coupon_service.application.list_differences import ListDifferences
from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.application.settle_difference import SettleDifference, SettleDifferenceCommand
from coupon_service.config import DifferencesSettings
from coupon_service.domain.coupon_order import OrderDifference
from coupon_service.domain.errors import DifferenceNotFound, DifferenceSettled
from coupon_service.messaging.incoming_order_completed import CONSUMER_GROUP
from coupon_service.migrations import SCHEMA
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.commands import OPERATOR, REASON, BadInput, OneLineGroup
from servicekit.config import load_settings
from servicekit.db.operated_engine import operated_engine
from servicekit.db.schema_check import check_schema_or_exit
from servicekit.observability.logging import configure_logging
from servicekit.rfc3339 import format_rfc3339

PROCESS = "coupon-differences"
_COLUMNS = ("ORDER", "USER", "USER COUPON", "DISCOUNT", "REASON", "FOUND AT", "SETTLED BY", "WHY")
_log = structlog.get_logger(__name__)


@click.group(name="differences", cls=OneLineGroup)
def differences() -> None:
    """List and settle paid orders whose discounts their coupons do not account for."""


@differences.command(name="list")
@click.option("--any", "every", is_flag=True, help="Also those that are settled.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1_000, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(limit: int, *, every: bool, as_json: bool) -> None:
    """List differences, the oldest first; by default those that are open."""
    with _transactions() as unit_of_work:
        found = ListDifferences(unit_of_work)(limit, every=every)
    if as_json:
        click.echo(json.dumps([_as_json(difference) for difference in found]))
    elif found:
        _print_table([_COLUMNS, *map(_row, found)])
    else:
        click.echo("no differences")


@differences.command()
@click.argument("order_id", type=click.UUID)
@click.option("--by", type=OPERATOR, required=True, help="Your name; stored and logged.")
@click.option("--reason", type=REASON, required=True, help="Why; stored and logged.")
def settle(order_id: UUID, by: str, reason: str) -> None:
    """Record that the difference of ORDER_ID is settled, for example borne by the shop."""
    with _transactions() as unit_of_work:
        try:
            SettleDifference(unit_of_work)(SettleDifferenceCommand(order_id, by, reason))
        except (DifferenceNotFound, DifferenceSettled) as error:
            raise BadInput(str(error)) from error
    _log.info("difference_settled", order_id=str(order_id), by=by, reason=reason)
    click.echo(f"the difference of order {order_id} is settled")


def _as_json(found: OrderDifference) -> dict[str, str | int | None]:
    settled = found.settlement
    return {
        "orderId": str(found.order_id),
        "userId": found.user_id,
        "userCouponId": found.user_coupon_id,
        "discountAmount": found.discount_amount,
        "currency": found.currency,
        "reason": found.reason.value,
        "foundAt": format_rfc3339(found.found_at),
        "settledBy": None if settled is None else settled.by,
        "settledReason": None if settled is None else settled.reason,
        "settledAt": None if settled is None else format_rfc3339(settled.settled_at),
    }


def _row(found: OrderDifference) -> tuple[str, ...]:
    settled = found.settlement
    return (
        str(found.order_id),
        str(found.user_id),
        str(found.user_coupon_id),
        f"{found.discount_amount} {found.currency}",
        found.reason.value,
        format_rfc3339(found.found_at),
        "" if settled is None else settled.by,
        "" if settled is None else settled.reason,
    )


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def _transactions() -> Iterator[UnitOfWorkFactory]:
    settings = load_settings(DifferencesSettings)
    configure_logging(settings.log_level, settings.log_format, PROCESS)
    check_schema_or_exit(settings, SCHEMA)
    with operated_engine(settings, PROCESS) as engine:
        yield partial(CouponUnitOfWork, engine, CONSUMER_GROUP)
