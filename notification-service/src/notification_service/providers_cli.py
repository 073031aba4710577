"""``notification-service providers``"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import click

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.application.resume_provider import ResumeProvider
from notification_service.config import OperatorSettings
from notification_service.deliveries_output import print_table
from notification_service.domain.provider_state import ProviderState
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP
from notification_service.migrations import SCHEMA
from notification_service.persistence.unit_of_work import NotificationUnitOfWork
from servicekit.commands import OPERATOR, REASON, OneLineGroup
from servicekit.config import load_settings
from servicekit.db.operated_engine import operated_engine
from servicekit.db.schema_check import check_schema_or_exit
from servicekit.observability.logging import configure_logging
from servicekit.rfc3339 import format_rfc3339

PROCESS = "notification-providers"
_COLUMNS = ("PROVIDER", "STATUS", "SINCE", "REASON", "RESUMED BY", "RESUME REASON")


@click.group(name="providers", cls=OneLineGroup)
def providers() -> None:
    """List the alimtalk providers, and resume one that was suspended."""


@providers.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(*, as_json: bool) -> None:
    """List the providers that were used, and why one is OPEN or SUSPENDED."""
    with _transactions() as transactions, transactions() as unit_of_work:
        found = [_provider_as_json(state) for state in unit_of_work.providers.all()]
    if as_json:
        click.echo(json.dumps(found))
    elif found:
        print_table(
            [_COLUMNS, *(["" if value is None else value for value in row.values()] for row in found)]
        )
    else:
        click.echo("no providers")


@providers.command()
@click.argument("name")
@click.option("--by", type=OPERATOR, required=True, help="Your name; stored and logged.")
@click.option("--reason", type=REASON, required=True, help="Why; stored and logged.")
def resume(name: str, by: str, reason: str) -> None:
    """Send by the provider NAME again, once the cause is mended. It also closes an open breaker."""
    with _transactions() as transactions:
        resumed = ResumeProvider(transactions)(name, by=by, reason=reason)
    if not resumed:
        raise click.ClickException(
            f"no provider {name} is OPEN or SUSPENDED; `notification-service providers list` shows them"
        )
    click.echo(f"{name} is RUNNING")


def _provider_as_json(state: ProviderState) -> dict[str, str | None]:
    return {
        "provider": state.name,
        "status": state.status.value,
        "since": None if state.since is None else format_rfc3339(state.since),
        "reason": state.reason,
        "resumedBy": state.resumed_by,
        "resumeReason": state.resume_reason,
    }


@contextmanager
def _transactions() -> Iterator[UnitOfWorkFactory]:
    settings = load_settings(OperatorSettings)
    configure_logging(settings.log_level, settings.log_format, PROCESS)
    check_schema_or_exit(settings, SCHEMA)
    with operated_engine(settings, PROCESS) as engine:
        yield partial(NotificationUnitOfWork, engine, CONSUMER_GROUP)
