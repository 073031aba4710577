"""``order-service api`` and ``order-service migrate``."""

import click

from order_service.config import ApiSettings, MigrationSettings
from order_service.migrations import FAMILIES, SCRIPT_LOCATION
from servicekit.config import load_settings
from servicekit.db.schema_check import check_schema_or_exit
from servicekit.observability.logging import configure_logging

SERVICE = "order-service"


@click.group()
def main() -> None:
    """Orders and their payments."""


@main.command()
def api() -> None:
    """Serve the HTTP API."""
    from servicekit.http.gunicorn import serve  # gunicorn isn't needed for migrating

    settings = load_settings(ApiSettings)
    configure_logging(settings.log_level, settings.log_format, SERVICE)
    check_schema_or_exit(settings, SERVICE, FAMILIES)
    serve("order_service.wsgi:create_application()", SERVICE, settings)


@main.command()
def migrate() -> None:
    """Bring the database to this version's tables; does nothing when it is there already."""
    from servicekit.db.migration_job import migrate_or_exit  # Alembic isn't needed for serving

    settings = load_settings(MigrationSettings)
    configure_logging(settings.log_level, settings.log_format, SERVICE)
    options = {"outbox_relay_role": settings.outbox_relay_role}
    migrate_or_exit(settings.database_url, SERVICE, SCRIPT_LOCATION, options, FAMILIES)
