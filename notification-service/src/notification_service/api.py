"""The API's composition root."""

from functools import partial

from flask_openapi3.openapi import OpenAPI
from sqlalchemy import Engine

from notification_service.application.list_notifications import ListNotifications
from notification_service.application.report_sales import ReportSales
from notification_service.config import ApiSettings
from notification_service.http.notifications import notification_routes
from notification_service.http.problems import PROBLEMS
from notification_service.http.sales import sales_routes
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP
from notification_service.migrations import SCHEMA
from notification_service.persistence.tables import delivery
from notification_service.persistence.unit_of_work import NotificationUnitOfWork
from servicekit.config import read_settings
from servicekit.db.engine import create_engine
from servicekit.db.health import database_check
from servicekit.db.problems import DATABASE_PROBLEMS
from servicekit.http.app import create_app
from servicekit.observability.tracing import configure_tracing

SERVICE = "notification-service"


def create_application() -> OpenAPI:
    """What gunicorn calls in each worker process."""
    settings = read_settings(ApiSettings)
    configure_tracing(SERVICE, settings.otel_exporter_otlp_endpoint)
    return build_application(create_engine(settings, "notification-api"))


def build_application(engine: Engine) -> OpenAPI:
    """The API on the given database."""
    unit_of_work = partial(NotificationUnitOfWork, engine, CONSUMER_GROUP)
    return create_app(
        SERVICE,
        checks={"database": database_check(engine, SCHEMA, delivery, writes=False)},
        problems=[PROBLEMS, DATABASE_PROBLEMS],
        routes=[
            notification_routes(ListNotifications(unit_of_work)),
            sales_routes(ReportSales(unit_of_work)),
        ],
    )
