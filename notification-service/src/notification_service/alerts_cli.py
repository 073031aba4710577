"""``notification-service alerts``, and the same check before the consumer starts."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from notification_service.alert_rules import SHIPPED, read_rules
from notification_service.alert_settings import AlertSettings
from notification_service.domain.alert_rule import AlertRule
from notification_service.toml_files import InvalidToml
from servicekit.commands import OneLineGroup


@click.group(name="alerts", cls=OneLineGroup)
def alerts() -> None:
    """Check the rules of alerts on orders."""


@alerts.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=SHIPPED)
def check(file: Path) -> None:
    """Check the rules in FILE, or those of this release; a line for each fault, and exit status 1."""
    try:
        rules = read_rules(file)
    except InvalidToml as invalid:
        for fault in invalid.faults:
            click.echo(f"{file.name}: {fault}")
        raise SystemExit(1) from None
    click.echo(f"no fault in {len(rules)} rules")


def rules_or_exit(settings: AlertSettings) -> Sequence[AlertRule]:
    """The rules to go by; none without a receiver. Exits with 2, and a line for each fault they have."""
    if settings.alert_receiver is None:
        return ()
    file = settings.alert_rules_file or SHIPPED
    try:
        return read_rules(file)
    except InvalidToml as invalid:
        for fault in invalid.faults:
            print(f"Error: {file}: {fault}", file=sys.stderr)  # noqa: T201 - like any command's error
        raise SystemExit(2) from None
