"""The command line: one command a process."""

import click

from coupon_service.config import ApiSettings, MigrationSettings, WatchSettings, WorkerSettings
from coupon_service.migrations import SCHEMA
from coupon_service.reconcile_cli import reconcile
from servicekit.commands import OneLineGroup
from servicekit.config import load_settings
from servicekit.observability.logging import configure_logging


@click.group(
    cls=OneLineGroup,
    elsewhere={
        "dead-letters": "coupon_service.dead_letters_cli:of_requests",
        "differences": "coupon_service.differences_cli:differences",
        "order-cancelled-dead-letters": "coupon_service.dead_letters_cli:of_cancelled_orders",
        "order-completed-dead-letters": "coupon_service.dead_letters_cli:of_completed_orders",
    },
)
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
    """Decide requests for coupons, in order; use and give back the coupons of orders."""
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


main.add_command(reconcile)
