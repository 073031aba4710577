"""The command line: one command a process."""

import click

from order_service.config import ApiSettings, MigrationSettings, WorkerSettings
from order_service.migrations import SCHEMA
from servicekit.commands import OneLineGroup
from servicekit.config import load_settings
from servicekit.observability.logging import configure_logging


@click.group(
    cls=OneLineGroup,
    elsewhere={
        "ledger": "order_service.ledger_cli:ledger",
        "payments": "order_service.payments_cli:payments",
    },
)
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
    serve("order_service.api:create_application()", "order-api", settings, settings.threads)


@main.command()
def worker() -> None:
    """Settle payments whose outcome is unknown, and return what is due."""
    from order_service.worker import PROCESS, run
    from servicekit.db.schema_check import check_schema_or_exit
    from servicekit.process import begin_process

    settings = load_settings(WorkerSettings)
    stop = begin_process(PROCESS, settings)
    check_schema_or_exit(settings, SCHEMA)
    run(settings, stop)


@main.command()
@click.option("--contract", is_flag=True, help="Also remove what only former releases use.")
def migrate(contract: bool) -> None:
    """Bring the database's tables to this release; does nothing where they are already."""
    from servicekit.db.migration_job import migrate_or_exit

    settings = load_settings(MigrationSettings)
    configure_logging(settings.log_level, settings.log_format, "order-migrate")
    options = {"outbox_relay_role": settings.outbox_relay_role}
    migrate_or_exit(settings.database_url, SCHEMA, options, contract=contract)
