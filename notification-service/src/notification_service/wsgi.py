"""The API, composed."""

from functools import partial
from importlib.metadata import version

from flask_openapi3.openapi import OpenAPI

from notification_service.application.list_notifications import ListNotifications
from notification_service.application.report_sales import ReportSales
from notification_service.config import ApiSettings
from notification_service.http.notifications import register_notifications
from notification_service.http.sales import register_sales
from notification_service.persistence.unit_of_work import AnalyticsUnitOfWork
from servicekit.config import load_settings
from servicekit.db.engine import create_engine
from servicekit.db.health import database_check
from servicekit.http.app import create_app
from servicekit.observability.tracing import configure_tracing

SERVICE = "notification-service"


def create_application(settings: ApiSettings | None = None) -> OpenAPI:
    """The WSGI application. Called in each gunicorn worker, so that connections belong to one process."""
    settings = settings or load_settings(ApiSettings)
    configure_tracing(SERVICE, settings.otel_exporter_otlp_endpoint)
    engine = create_engine(settings, "notification-api")
    begin = partial(AnalyticsUnitOfWork, engine)
    app = create_app(SERVICE, version(SERVICE), {"database": database_check(engine)})
    register_notifications(app, ListNotifications(begin))
    register_sales(app, ReportSales(begin))
    return app
