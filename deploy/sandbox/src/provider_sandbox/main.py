"""The sandbox's composition root."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import structlog
from flask_openapi3.openapi import OpenAPI
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from provider_sandbox.config import SandboxSettings
from provider_sandbox.controls import Faults, FaultSource
from provider_sandbox.database import Database
from provider_sandbox.http.controls import control_routes
from provider_sandbox.http.messages import message_routes
from provider_sandbox.http.records import record_routes
from provider_sandbox.http.templates import template_routes
from provider_sandbox.http.webhooks import webhook_routes
from provider_sandbox.providers.application import (
    PREFIX,
    ProviderControls,
    provider_application,
    webhook_sender,
)
from provider_sandbox.providers.records import ProviderRecords
from provider_sandbox.record import Record
from servicekit.http.app import create_app
from servicekit.http.server import HttpServer
from servicekit.lifecycle import StopSignal

SERVICE = "provider-sandbox"
_log = structlog.get_logger(__name__)


def build_application(
    record: Record,
    alimtalk: FaultSource[Faults],
    monitoring: FaultSource[Faults],
    providers: ProviderRecords,
    controls: ProviderControls,
    wake_sender: Callable[[], None],
) -> OpenAPI:
    """The sandbox on the given records, with the faults of its receivers, and the providers beside it."""

    def record_check() -> None:
        record.totals()

    app = create_app(
        SERVICE,
        checks={"record": record_check},
        routes=[
            message_routes(record, alimtalk),
            webhook_routes(record, monitoring),
            control_routes(alimtalk, monitoring, controls, providers.clock, wake_sender),
            record_routes(record, providers),
            template_routes(providers.templates),
        ],
    )
    doubles = provider_application(providers, controls, wake_sender)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {PREFIX: doubles.wsgi_app})  # type: ignore[method-assign]
    return app


@contextmanager
def serving(settings: SandboxSettings) -> Iterator[int]:
    """Serve during the block, which gets the port. Raises OSError if the port is taken."""
    database = Database(settings.sandbox_database_path)
    record, providers = Record(database), ProviderRecords(database)
    alimtalk, monitoring, controls = FaultSource(Faults()), FaultSource(Faults()), ProviderControls()
    sender = webhook_sender(providers, controls)
    app = build_application(record, alimtalk, monitoring, providers, controls, sender.wake)
    server = HttpServer(app, settings.http_host, settings.http_port, threads=settings.http_threads)
    with closing(database), server:
        sender.start()
        try:
            yield server.port
        finally:
            alimtalk.close()
            monitoring.close()
            controls.close()
            sender.stop()


def run(settings: SandboxSettings, stop: StopSignal) -> None:
    """Serve until ``stop`` is set. Raises OSError if the port is taken."""
    with serving(settings) as port:
        _log.info("sandbox_started", port=port)
        stop.wait()
