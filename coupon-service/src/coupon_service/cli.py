"""The command line: one command a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from coupon_service.config import (
    ApiSettings,
    DeadLettersSettings,
    MigrationSettings,
    WatchSettings,
    WorkerSettings,
)
from coupon_service.messaging.outgoing_coupon_publish_requested import COUPON_PUBLISH_REQUESTED
from coupon_service.migrations import SCHEMA
from coupon_service.reconcile_cli import reconcile
from servicekit.commands import OneLineGroup
from servicekit.config import load_settings
from servicekit.messaging.dead_letters_cli import dead_letters_group
from servicekit.observability.logging import configure_logging


@click.group(cls=OneLineGroup)
def main() -> None:
    """First-come-first-served coupons."""


@main.command()
def api() -> None:
    """Serve the HTTP API."""
    from servicekit.db.schema_check import check_schema_or_exit
    from servicekit.http.gunicorn import serve

    settings = load_settings(ApiSettings)
    configure_logging(settings.log_level, settings.log_format, "coupon-api")
    check_schema_or_exit(settings, SCHEMA)
    serve("coupon_service.api:create_application()", "coupon-api", settings)


@main.command()
def worker() -> None:
    """Decide requests for coupons, in order."""
    from coupon_service.worker import PROCESS, run
    from servicekit.db.schema_check import check_schema_or_exit
    from servicekit.process import begin_process

    settings = load_settings(WorkerSettings)
    stop = begin_process(PROCESS, settings)
    check_schema_or_exit(settings, SCHEMA)
    run(settings, stop)


@main.command()
def watch() -> None:
    """Send users their place in line and their decision, as server-sent events."""
    from coupon_service.watch import PROCESS, run
    from servicekit.db.schema_check import check_schema_or_exit
    from servicekit.process import begin_process

    settings = load_settings(WatchSettings)
    stop = begin_process(PROCESS, settings)
    check_schema_or_exit(settings, SCHEMA)
    run(settings, stop)


@main.command()
@click.option("--contract", is_flag=True, help="Also remove what only former releases use.")
def migrate(contract: bool) -> None:
    """Bring the database's tables to this release; does nothing where they are already."""
    from servicekit.db.migration_job import migrate_or_exit

    settings = load_settings(MigrationSettings)
    configure_logging(settings.log_level, settings.log_format, "coupon-migrate")
    options = {"outbox_relay_role": settings.outbox_relay_role}
    migrate_or_exit(settings.database_url, SCHEMA, options, contract=contract)


@contextmanager
def _open_dead_letters() -> Iterator[Any]:
    from coupon_service.dead_letters import open_dead_letters

    settings = load_settings(DeadLettersSettings)
    configure_logging(settings.log_level, settings.log_format, "coupon-dead-letters")
    with open_dead_letters(settings) as operations:
        yield operations


main.add_command(dead_letters_group(COUPON_PUBLISH_REQUESTED.topic, _open_dead_letters))
main.add_command(reconcile)
