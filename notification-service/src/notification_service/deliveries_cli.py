"""``notification-service deliveries``"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from uuid import UUID

import click

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.application.retry_deliveries import RetryDeliveries, RetrySelection
from notification_service.config import OperatorSettings
from notification_service.domain.delivery import Delivery, DeliveryStatus, Effect
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP
from notification_service.migrations import SCHEMA
from notification_service.persistence.unit_of_work import NotificationUnitOfWork
from servicekit.commands import OPERATOR, REASON, BadInput, OneLineGroup
from servicekit.config import load_settings
from servicekit.db.operated_engine import operated_engine
from servicekit.db.schema_check import check_schema_or_exit
from servicekit.observability.logging import configure_logging
from servicekit.rfc3339 import format_rfc3339

PROCESS = "notification-deliveries"
_COLUMNS = ("DELIVERY ID", "STATUS", "EFFECT", "ORDER ID", "ATTEMPTS", "COMPLETED AT", "LAST ERROR")

_effect_option = click.option(
    "--effect",
    type=click.Choice([effect.value for effect in Effect], case_sensitive=False),
    help="Only these.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(name="deliveries", cls=OneLineGroup)
def deliveries() -> None:
    """List the deliveries of completed orders' effects, and retry those that were given up."""


@deliveries.command(name="list")
@click.option(
    "--status",
    type=click.Choice([status.value for status in DeliveryStatus], case_sensitive=False),
    default="FAILED",
    show_default=True,
)
@_effect_option
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--after", type=click.UUID, help="Only deliveries behind this one.")
@_json_option
def list_command(status: str, effect: str | None, limit: int, after: UUID | None, *, as_json: bool) -> None:
    """List deliveries by age, the oldest first; by default those that were given up."""
    with _transactions() as transactions, transactions() as unit_of_work:
        found = unit_of_work.deliveries.find(
            DeliveryStatus(status), _effect(effect), limit=limit, after=after
        )
    if as_json:
        click.echo(json.dumps([_fields(delivery) for delivery in found]))
        return
    if not found:
        click.echo("no deliveries")
        return
    _print_table([_COLUMNS, *(_row(delivery) for delivery in found)])
    if len(found) == limit:
        click.echo(f"more with --after {found[-1].delivery_id}")


@deliveries.command()
@click.argument("delivery_ids", metavar="[DELIVERY_ID]...", nargs=-1, type=click.UUID)
@click.option("--all", "everything", is_flag=True, help="All that were given up.")
@_effect_option
@click.option("--by", type=OPERATOR, required=True, help="Your name; stored and logged.")
@click.option("--reason", type=REASON, required=True, help="Why; stored and logged.")
def retry(
    delivery_ids: Sequence[UUID], effect: str | None, by: str, reason: str, *, everything: bool
) -> None:
    """Attempt FAILED deliveries again: those with DELIVERY_IDs, or --all, which --effect may narrow.

    A delivery that may have been accepted before is looked up first, and isn't sent twice. An alimtalk whose
    recipient was erased can't be retried.
    """
    if bool(delivery_ids) == everything:
        raise BadInput("give either delivery ids or --all, which --effect may narrow")
    selection = RetrySelection(delivery_ids, _effect(effect))
    with _transactions() as transactions:
        retried = RetryDeliveries(transactions)(selection, by=by, reason=reason)
    if not retried:
        raise click.ClickException(
            "no FAILED delivery matches; `notification-service deliveries list` shows them"
        )
    click.echo(f"{retried} to be attempted again")


@contextmanager
def _transactions() -> Iterator[UnitOfWorkFactory]:
    settings = load_settings(OperatorSettings)
    configure_logging(settings.log_level, settings.log_format, PROCESS)
    check_schema_or_exit(settings, SCHEMA)
    with operated_engine(settings, PROCESS) as engine:
        yield partial(NotificationUnitOfWork, engine, CONSUMER_GROUP)


def _effect(name: str | None) -> Effect | None:
    return None if name is None else Effect(name)


def _fields(delivery: Delivery) -> dict[str, str | int | None]:
    completed_at = None if delivery.completed_at is None else format_rfc3339(delivery.completed_at)
    return {
        "deliveryId": str(delivery.delivery_id),
        "status": delivery.status.value,
        "effect": delivery.effect.value,
        "orderId": str(delivery.order_id),
        "attempts": delivery.attempts,
        "completedAt": completed_at,
        "lastError": delivery.last_error,
    }


def _row(delivery: Delivery) -> list[str]:
    return ["" if value is None else str(value) for value in _fields(delivery).values()]


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
