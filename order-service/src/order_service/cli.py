"""The command line: one command a process."""

from uuid import UUID

import click

from order_service.config import (
    ApiSettings,
    MigrationSettings,
    RefundingSettings,
    RefundSettings,
    WorkerSettings,
)
from order_service.migrations import SCHEMA
from servicekit.config import load_settings
from servicekit.observability.logging import configure_logging


@click.group()
def main() -> None:
    """Orders and their payments."""


@main.command()
def api() -> None:
    """Serve the HTTP API."""
    from servicekit.db.schema_check import check_schema_or_exit
    from servicekit.http.gunicorn import serve

    settings = load_settings(ApiSettings)
    configure_logging(settings.log_level, settings.log_format, "order-api")
    check_schema_or_exit(settings, SCHEMA)
    serve("order_service.api:create_application()", "order-api", settings)


@main.command()
def worker() -> None:
    """Settle payments whose outcome is unknown."""
    from order_service.worker import PROCESS, run
    from servicekit.db.schema_check import check_schema_or_exit
    from servicekit.process import begin_process

    settings = load_settings(WorkerSettings)
    stop = begin_process(PROCESS, settings)
    check_schema_or_exit(settings, SCHEMA)
    run(settings, stop)


@main.command()
def refunds() -> None:
    """List payments that were charged too late, or another amount or currency than was to be paid."""
    from order_service.refunds import list_refunds

    list_refunds(load_settings(RefundSettings))


@main.command()
@click.argument("payment_id", type=click.UUID)
@click.option("--by", required=True, help="Your name.")
def refund(payment_id: UUID, by: str) -> None:
    """Return a payment's money through its gateway, once, however often this is repeated."""
    from order_service.refunds import make_refund

    settings = load_settings(RefundingSettings)
    configure_logging(settings.log_level, settings.log_format, "order-refunds")
    make_refund(settings, payment_id, by)


@main.command()
@click.argument("payment_id", type=click.UUID)
@click.option("--by", required=True, help="Your name.")
def refunded(payment_id: UUID, by: str) -> None:
    """Record that you have returned a payment's money by hand."""
    from order_service.refunds import record_refund

    settings = load_settings(RefundSettings)
    configure_logging(settings.log_level, settings.log_format, "order-refunds")
    record_refund(settings, payment_id, by)


@main.command()
@click.option("--contract", is_flag=True, help="Also remove what only former releases use.")
def migrate(contract: bool) -> None:
    """Bring the database's tables to this release; does nothing where they are already."""
    from servicekit.db.migration_job import migrate_or_exit

    settings = load_settings(MigrationSettings)
    configure_logging(settings.log_level, settings.log_format, "order-migrate")
    options = {"outbox_relay_role": settings.outbox_relay_role}
    migrate_or_exit(settings.database_url, SCHEMA, options, contract=contract)
