"""The command line: one command a process."""

import click

from notification_service.config import ApiSettings, ConsumerSettings, MigrationSettings
from servicekit.config import load_settings


@click.group()
def main() -> None:
    """What follows a completed order: alimtalk, analytics and monitoring."""


@main.command()
def api() -> None:
    """Serve the HTTP API."""
    from servicekit.http.gunicorn import serve

    serve("notification_service.api:create_application()", "notification-api", load_settings(ApiSettings))


@main.command()
def consumer() -> None:
    """Consume order-completed and deliver its effects."""
    from notification_service.consumer import SERVICE, run
    from servicekit.process import begin_process

    settings = load_settings(ConsumerSettings)
    run(settings, begin_process(SERVICE, settings))


@main.command()
def migrate() -> None:
    """Bring the database's tables to this release; does nothing where they are already."""
    from notification_service.migrations import SCRIPT_LOCATION
    from servicekit.db.migration_job import migrate_or_exit
    from servicekit.observability.logging import configure_logging

    settings = load_settings(MigrationSettings)
    configure_logging(settings.log_level, settings.log_format, "notification-migrate")
    migrate_or_exit(settings.database_url, "notification-service", SCRIPT_LOCATION)
