"""The command line: one command a process."""

import click

from order_service.config import ApiSettings, MigrationSettings
from servicekit.config import load_settings


@click.group()
def main() -> None:
    """Orders and their payments."""


@main.command()
def api() -> None:
    """Serve the HTTP API."""
    from servicekit.http.gunicorn import serve

    serve("order_service.api:create_application()", "order-api", load_settings(ApiSettings))


@main.command()
def migrate() -> None:
    """Bring the database's tables to this release; does nothing where they are already."""
    from order_service.migrations import SCRIPT_LOCATION
    from servicekit.db.migration_job import migrate_or_exit
    from servicekit.observability.logging import configure_logging

    settings = load_settings(MigrationSettings)
    configure_logging(settings.log_level, settings.log_format, "order-migrate")
    options = {"outbox_relay_role": settings.outbox_relay_role}
    migrate_or_exit(settings.database_url, "order-service", SCRIPT_LOCATION, options)
