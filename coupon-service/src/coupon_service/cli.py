"""The command line: one command a process."""

import click

from coupon_service.config import ApiSettings, MigrationSettings, WorkerSettings
from servicekit.config import load_settings


@click.group()
def main() -> None:
    """First-come-first-served coupons."""


@main.command()
def api() -> None:
    """Serve the HTTP API."""
    from servicekit.http.gunicorn import serve

    serve("coupon_service.api:create_application()", "coupon-api", load_settings(ApiSettings))


@main.command()
def worker() -> None:
    """Decide requests for coupons, in order."""
    from coupon_service.worker import PROCESS, run
    from servicekit.process import begin_process

    settings = load_settings(WorkerSettings)
    run(settings, begin_process(PROCESS, settings))


@main.command()
def migrate() -> None:
    """Bring the database's tables to this release; does nothing where they are already."""
    from coupon_service.migrations import SCRIPT_LOCATION
    from servicekit.db.migration_job import migrate_or_exit
    from servicekit.observability.logging import configure_logging

    settings = load_settings(MigrationSettings)
    configure_logging(settings.log_level, settings.log_format, "coupon-migrate")
    options = {"outbox_relay_role": settings.outbox_relay_role}
    migrate_or_exit(settings.database_url, "coupon-service", SCRIPT_LOCATION, options)
