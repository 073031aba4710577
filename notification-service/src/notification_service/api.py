"""The API's composition root."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from flask_openapi3.openapi import OpenAPI
from sqlalchemy import Engine

from notification_service.alimtalk.webhooks import webhook_parsers
from notification_service.application.change_deliveries import ChangeDeliveries
from notification_service.application.change_delivery import ChangeDelivery
from notification_service.application.list_deliveries import ListDeliveries
from notification_service.application.list_notifications import ListNotifications
from notification_service.application.ports import WebhookParser
from notification_service.application.read_figures import ReadFigures
from notification_service.application.record_results import RecordResults
from notification_service.application.report_sales import ReportSales
from notification_service.application.show_delivery import ShowDelivery
from notification_service.config import ApiSettings
from notification_service.http.figures.description import describe_csv
from notification_service.http.figures.figures import figure_routes
from notification_service.http.notifications import notification_routes
from notification_service.http.operators.deliveries import deliveries_routes
from notification_service.http.problems import PROBLEMS
from notification_service.http.sales import sales_routes
from notification_service.http.webhooks import webhook_routes
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP
from notification_service.migrations import SCHEMA
from notification_service.persistence.tables import delivery
from notification_service.persistence.unit_of_work import NotificationUnitOfWork
from servicekit.config import read_settings
from servicekit.db.engine import create_engine
from servicekit.db.health import database_check
from servicekit.db.problems import DATABASE_PROBLEMS
from servicekit.http.app import create_app
from servicekit.http.mounting import mount
from servicekit.http.problems import register_problems
from servicekit.http.request_context import register_request_context
from servicekit.http.validation import MAX_BODY_BYTES
from servicekit.observability.tracing import configure_tracing

SERVICE = "notification-service"


def create_application() -> OpenAPI:
    """What gunicorn calls in each worker process."""
    settings = read_settings(ApiSettings)
    configure_tracing(SERVICE, settings.otel_exporter_otlp_endpoint)
    return build_application(create_engine(settings, "notification-api"), webhook_parsers(settings))


def build_application(engine: Engine, webhook_parsers: Mapping[str, WebhookParser] | None = None) -> OpenAPI:
    """The API on the given database; ``webhook_parsers`` by the name of the provider that posts."""
    unit_of_work = partial(NotificationUnitOfWork, engine, CONSUMER_GROUP)
    app = create_app(
        SERVICE,
        checks={"database": database_check(engine, SCHEMA, delivery, writes=False)},
        problems=[PROBLEMS, DATABASE_PROBLEMS],
        routes=[
            notification_routes(ListNotifications(unit_of_work)),
            sales_routes(ReportSales(unit_of_work)),
            figure_routes(ReadFigures(unit_of_work)),
            deliveries_routes(
                ListDeliveries(unit_of_work),
                ShowDelivery(unit_of_work),
                ChangeDelivery(unit_of_work),
                ChangeDeliveries(unit_of_work),
            ),
        ],
        examples=_examples("examples.json"),
    )
    describe_csv(app, _examples("csv_examples.json"))
    mount(app, "/webhooks", _webhooks(RecordResults(unit_of_work), webhook_parsers or {}))
    return app


def _examples(file_name: str) -> Any:
    return json.loads(Path(__file__).with_name(file_name).read_text(encoding="utf-8"))


def _webhooks(record_results: RecordResults, parsers: Mapping[str, WebhookParser]) -> Flask:
    """Apart from the API, whose rules for bodies providers don't keep: SOLAPI posts a list."""
    app = Flask("notification-webhooks")
    # One more than allowed, which the route notices, as the API does.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES + 1
    register_request_context(app)
    register_problems(app, PROBLEMS, DATABASE_PROBLEMS)
    app.register_blueprint(webhook_routes(record_results, parsers))
    return app
