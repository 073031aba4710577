"""The command line: one command a process."""

import click

from coupon_service.config import ApiSettings, MigrationSettings, WorkerSettings
from coupon_service.migrations import FAMILIES, SCRIPT_LOCATION
from servicekit.config import load_settings
from servicekit.db.migration_job import migrate_or_exit
from servicekit.db.schema_check import check_schema_or_exit
from servicekit.http.gunicorn import serve
from servicekit.lifecycle import StopSignal
from servicekit.observability.logging import configure_logging
from servicekit.observability.tracing import configure_tracing


@click.group()
def main() -> None:
    """First-come-first-served coupons."""


@main.command()
def api() -> None:
    """Serve the HTTP API."""
    settings = load_settings(ApiSettings)
    configure_logging(settings.log_level, settings.log_format, "coupon-api")
    check_schema_or_exit(settings, "coupon-service", FAMILIES)
    serve("coupon_service.wsgi:create_application()", "coupon-api", settings)


@main.command()
def worker() -> None:
    """Decide requests for coupons, in order."""
    # Imported here: the API needs no Kafka client in memory.
    from coupon_service.worker import SERVICE, run_worker

    settings = load_settings(WorkerSettings)
    configure_logging(settings.log_level, settings.log_format, SERVICE)
    configure_tracing(SERVICE, settings.otel_exporter_otlp_endpoint)
    check_schema_or_exit(settings, "coupon-service", FAMILIES)
    stop = StopSignal()
    stop.install()
    run_worker(settings, stop)


@main.command()
def migrate() -> None:
    """Bring the database up to date."""
    settings = load_settings(MigrationSettings)
    configure_logging(settings.log_level, settings.log_format, "coupon-migrate")
    options = {"outbox_relay_role": settings.outbox_relay_role}
    migrate_or_exit(settings.database_url, "coupon-service", SCRIPT_LOCATION, options, FAMILIES)
