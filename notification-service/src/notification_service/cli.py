"""The command line: one command a process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import click

from notification_service.config import ApiSettings, ConsumerSettings, DeadLettersSettings, MigrationSettings
from notification_service.migrations import SCHEMA
from notification_service.subscriptions import SUBSCRIPTIONS, Subscription
from servicekit.commands import OneLineGroup
from servicekit.config import load_settings
from servicekit.messaging.dead_letters_cli import dead_letters_group
from servicekit.observability.logging import configure_logging


@click.group(
    cls=OneLineGroup,
    elsewhere={
        "alerts": "notification_service.alerts_cli:alerts",
        "analytics": "notification_service.analytics_cli:analytics",
        "deliveries": "notification_service.deliveries_cli:deliveries",
        "erase": "notification_service.erase_cli:erase",
        "providers": "notification_service.providers_cli:providers",
        "report": "notification_service.analytics_cli:report",
        "templates": "notification_service.templates_cli:templates",
    },
)
def main() -> None:
    """What follows completed and cancelled orders: alimtalk, analytics and monitoring."""


@main.command()
def api() -> None:
    """Serve the HTTP API."""
    from servicekit.db.schema_check import check_schema_or_exit
    from servicekit.http.gunicorn import serve

    settings = load_settings(ApiSettings)
    configure_logging(settings.log_level, settings.log_format, "notification-api")
    check_schema_or_exit(settings, SCHEMA)
    serve("notification_service.api:create_application()", "notification-api", settings)


@main.command()
def consumer() -> None:
    """Consume events about orders and deliver their effects."""
    from notification_service.alerts_cli import rules_or_exit
    from notification_service.consumer import PROCESS, run
    from notification_service.templates_cli import templates_or_exit
    from servicekit.db.schema_check import check_schema_or_exit
    from servicekit.process import begin_process

    settings = load_settings(ConsumerSettings)
    stop = begin_process(PROCESS, settings)
    templates = templates_or_exit(settings)
    rules = rules_or_exit(settings)
    check_schema_or_exit(settings, SCHEMA)
    run(settings, templates, stop, rules)


@main.command()
@click.option("--contract", is_flag=True, help="Also remove what only former releases use.")
def migrate(contract: bool) -> None:
    """Bring the database's tables to this release; does nothing where they are already."""
    from servicekit.db.migration_job import migrate_or_exit

    settings = load_settings(MigrationSettings)
    configure_logging(settings.log_level, settings.log_format, "notification-migrate")
    migrate_or_exit(settings.database_url, SCHEMA, contract=contract)


@contextmanager
def _open_dead_letters(subscription: Subscription) -> Iterator[Any]:
    from notification_service.dead_letters import open_dead_letters

    settings = load_settings(DeadLettersSettings)
    configure_logging(settings.log_level, settings.log_format, "notification-dead-letters")
    with open_dead_letters(settings, subscription) as operations:
        yield operations


def dead_letters_groups(subscriptions: Sequence[Subscription]) -> Iterator[tuple[str, click.Group]]:
    """A group of commands, by its name, for the dead letters of each topic; the first has the plain name."""
    for number, each in enumerate(subscriptions):
        name = f"{each.topic}-dead-letters" if number else "dead-letters"
        yield name, dead_letters_group(each.topic, partial(_open_dead_letters, each))


for name, group in dead_letters_groups(SUBSCRIPTIONS):
    main.add_command(group, name)
