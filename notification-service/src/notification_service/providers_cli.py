"""``notification-service providers``"""

import json

import click

from notification_service.application.resume_provider import ResumeProvider, ResumeProviderCommand
from notification_service.deliveries_output import print_table
from notification_service.domain.provider_state import ProviderState, in_use
from notification_service.operator_database import operator_transactions
from servicekit.commands import OPERATOR, REASON, OneLineGroup
from servicekit.rfc3339 import format_rfc3339

PROCESS = "notification-providers"
_COLUMNS = (
    "PROVIDER",
    "STATUS",
    "SINCE",
    "PLACE",
    "IN USE",
    "REASON",
    "REFUSES",
    "RESUMED BY",
    "RESUME REASON",
)

_PLACES = {1: "first", 2: "second"}


@click.group(name="providers", cls=OneLineGroup)
def providers() -> None:
    """List the alimtalk providers, and resume one that was suspended."""


@providers.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(*, as_json: bool) -> None:
    """List the providers that were used.

    The list says which one new messages go to, why one is OPEN or SUSPENDED, and which questions one refuses.
    """
    with operator_transactions(PROCESS) as transactions, transactions() as unit_of_work:
        states = unit_of_work.providers.all()
    used = in_use(states)
    found = [_provider_as_json(state, is_in_use=state is used) for state in states]
    if as_json:
        click.echo(json.dumps(found))
    elif found:
        print_table([_COLUMNS, *([_cell(value) for value in row.values()] for row in found)])
    else:
        click.echo("no providers")


@providers.command()
@click.argument("name")
@click.option("--by", type=OPERATOR, required=True, help="Your name; stored and logged.")
@click.option("--reason", type=REASON, required=True, help="Why; stored and logged.")
def resume(name: str, by: str, reason: str) -> None:
    """Send by the provider NAME again, once the cause is mended.

    It also closes an open breaker, and forgets that the provider refused questions.
    """
    with operator_transactions(PROCESS) as transactions:
        resumed = ResumeProvider(transactions)(ResumeProviderCommand(name, by, reason))
    if not resumed:
        raise click.ClickException(
            f"no provider {name} is OPEN or SUSPENDED, or refuses questions;"
            " `notification-service providers list` shows them"
        )
    click.echo(f"{name} is RUNNING")


def _provider_as_json(state: ProviderState, *, is_in_use: bool) -> dict[str, str | bool | None]:
    return {
        "provider": state.name,
        "status": state.status.value,
        "since": None if state.since is None else format_rfc3339(state.since),
        "place": None if state.place is None else _PLACES.get(state.place),
        "inUse": is_in_use,
        "reason": state.reason,
        "refuses": _refused(state),
        "resumedBy": state.resumed_by,
        "resumeReason": state.resume_reason,
    }


def _refused(state: ProviderState) -> str | None:
    """The questions that it refuses, with its codes."""
    codes = {"look-ups": state.look_ups_refused, "results": state.results_refused}
    return ", ".join(f"{asked} ({code})" for asked, code in codes.items() if code is not None) or None


def _cell(value: str | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return value or ""
