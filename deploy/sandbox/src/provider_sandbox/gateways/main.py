"""The composition root of the sandbox of payment gateways."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

import structlog
from flask_openapi3.openapi import OpenAPI
from pydantic import AnyHttpUrl
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from provider_sandbox.config import GatewaySettings
from provider_sandbox.database import Database
from provider_sandbox.gateways.application import PREFIX, gateway_application
from provider_sandbox.gateways.names import GatewayName
from provider_sandbox.gateways.operating.controls import control_routes
from provider_sandbox.gateways.operating.payments import payment_routes
from provider_sandbox.gateways.operating.records import record_routes
from provider_sandbox.gateways.operating.webhooks import webhook_routes
from provider_sandbox.gateways.records import GatewayRecords
from provider_sandbox.gateways.sandbox import Sandbox
from servicekit.http.app import create_app
from servicekit.http.server import HttpServer
from servicekit.lifecycle import StopSignal

SERVICE = "provider-sandbox"
_log = structlog.get_logger(__name__)


def build_application(sandbox: Sandbox) -> OpenAPI:
    """The gateways, beside what controls them."""
    records, clock = sandbox.records, sandbox.records.clock

    def record_check() -> None:
        records.payments.money()

    app = create_app(
        SERVICE,
        checks={"record": record_check},
        routes=[
            control_routes(sandbox.controls, clock, sandbox.sender.wake),
            payment_routes(sandbox.desks, clock),
            record_routes(records, sandbox.expire_overdue),
            webhook_routes(sandbox.desks, sandbox.reporters, clock),
        ],
    )
    gateways = gateway_application(records, sandbox.controls, sandbox.desks)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {PREFIX: gateways.wsgi_app})  # type: ignore[method-assign]
    return app


@contextmanager
def serving(settings: GatewaySettings) -> Iterator[int]:
    """Serve during the block, which gets the port. Raises OSError if the port is taken."""
    database = Database(settings.sandbox_database_path)
    sandbox = Sandbox(GatewayRecords(database), _webhook_urls(settings))
    app = build_application(sandbox)
    server = HttpServer(app, settings.http_host, settings.http_port, threads=settings.http_threads)
    with closing(database), server:
        sandbox.sender.start()
        try:
            yield server.port
        finally:
            sandbox.close()


def run(settings: GatewaySettings, stop: StopSignal) -> None:
    """Serve until ``stop`` is set. Raises OSError if the port is taken."""
    with serving(settings) as port:
        _log.info("gateway_sandbox_started", port=port)
        stop.wait()


def _webhook_urls(settings: GatewaySettings) -> Mapping[GatewayName, str]:
    urls: Mapping[GatewayName, AnyHttpUrl | None] = {
        "toss": settings.toss_webhook_url,
        "portone": settings.portone_webhook_url,
    }
    return {name: str(url) for name, url in urls.items() if url is not None}
