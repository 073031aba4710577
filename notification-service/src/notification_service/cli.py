"""``notification-service``"""

import logging

import click

from notification_service import consumer
from notification_service.config import ApiSettings, MigrationSettings, NotificationConsumerSettings
from notification_service.messaging.order_completed import CONSUMER_GROUP, TOPIC
from notification_service.migrations import FAMILIES, SCRIPT_LOCATION
from servicekit.config import load_settings
from servicekit.db.migration_job import migrate_or_exit
from servicekit.db.schema_check import check_schema_or_exit
from servicekit.http.gunicorn import serve
from servicekit.lifecycle import StopSignal
from servicekit.observability.logging import configure_logging
from servicekit.observability.tracing import configure_tracing


@click.group()
def main() -> None:
    """What follows a completed order: alimtalk, analytics and monitoring."""


@main.command()
def api() -> None:
    """Serve the HTTP API."""
    settings = load_settings(ApiSettings)
    configure_logging(settings.log_level, settings.log_format, "notification-api")
    check_schema_or_exit(settings, "notification-service", FAMILIES)
    serve("notification_service.wsgi:create_application()", "notification-api", settings)


@main.command("consumer")
@click.option("--topic", default=TOPIC, show_default=True)
@click.option("--group-id", default=CONSUMER_GROUP, show_default=True)
def run_consumer(topic: str, group_id: str) -> None:
    """Consume order-completed and deliver its effects."""
    settings = load_settings(NotificationConsumerSettings)
    configure_logging(settings.log_level, settings.log_format, consumer.SERVICE)
    configure_tracing(consumer.SERVICE, settings.otel_exporter_otlp_endpoint)
    # It would tell of every request; what matters of them is in our own lines.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    check_schema_or_exit(settings, "notification-service", FAMILIES)
    stop = StopSignal()
    stop.install()
    consumer.run(settings, stop, topic=topic, group_id=group_id)


@main.command()
def migrate() -> None:
    """Bring the database to this version's schema."""
    settings = load_settings(MigrationSettings)
    configure_logging(settings.log_level, settings.log_format, "notification-migrate")
    migrate_or_exit(settings.database_url, "notification-service", SCRIPT_LOCATION, families=FAMILIES)
