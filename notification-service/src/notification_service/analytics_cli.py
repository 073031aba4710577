"""``notification-service analytics`` and ``notification-service report``"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from pathlib import Path

import click

from notification_service.application.rebuild_analytics import RebuildAnalytics
from notification_service.application.report_day import ReportDay
from notification_service.domain.day_report import DayReport
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP
from notification_service.operator_database import operator_engine
from notification_service.persistence.unit_of_work import NotificationSnapshot, NotificationUnitOfWork
from servicekit.commands import OneLineGroup

PROCESS = "notification-analytics"


@click.group(name="analytics", cls=OneLineGroup)
def analytics() -> None:
    """Look after what was counted."""


@analytics.command()
@click.option(
    "--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="Go on from this day, as after a break."
)
def rebuild(first: datetime | None) -> None:
    """Count each day anew whose events are all kept; consumers may run.

    Days that have lost events to retention stay as they are. Each day that is done is printed, and stays so
    if a later one fails. If one takes too long, set DATABASE_STATEMENT_TIMEOUT_MS higher.
    """
    days = []
    with operator_engine(PROCESS) as engine:
        rebuild_analytics = RebuildAnalytics(partial(NotificationUnitOfWork, engine, CONSUMER_GROUP))
        for day in rebuild_analytics(date.min if first is None else first.date()):
            click.echo(f"{day} is rebuilt", err=True)
            days.append(day)
    click.echo(f"{len(days)} days rebuilt, {days[0]} to {days[-1]}" if days else "no day has all its events")


@click.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="A day in the shop's zone.")
@click.option(
    "--html",
    "html_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write it there as a page with pictures.",
)
def report(day: datetime, html_file: Path | None) -> None:
    """Print what was sold on a day, to whom, and how long effects took."""
    with _installed():
        from rich.console import Console

        from notification_service.report.terminal import print_report
    with operator_engine(PROCESS) as engine:
        found = ReportDay(partial(NotificationSnapshot, engine, CONSUMER_GROUP))(day.date())
    print_report(found, Console())
    if html_file is not None:
        _write(found, html_file)


def _write(found: DayReport, html_file: Path) -> None:
    with _installed():
        from notification_service.report.page import write_page
    try:
        write_page(found, html_file)
    except OSError as error:
        raise click.ClickException(f"{html_file} can't be written: {error.strerror}") from None


@contextmanager
def _installed() -> Iterator[None]:
    """What is imported inside draws charts, which servers don't need."""
    try:
        yield
    except ModuleNotFoundError as error:
        needed = "pip install 'notification-service[report]'"
        raise click.ClickException(f"{error.name} is missing: {needed}") from None
