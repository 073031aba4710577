"""The composition root of the sandbox of payment gateways."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

import structlog
from flask_openapi3.openapi import OpenAPI
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from provider_sandbox.config import SandboxSettings
from provider_sandbox.database import Database
from provider_sandbox.gateways.application import PREFIX, gateway_application
from provider_sandbox.gateways.controls import ControlSource
from provider_sandbox.gateways.desk import PaymentDesk
from provider_sandbox.gateways.names import GATEWAYS, GatewayName
from provider_sandbox.gateways.operating.controls import control_routes
from provider_sandbox.gateways.operating.payments import payment_routes
from provider_sandbox.gateways.operating.records import record_routes
from provider_sandbox.gateways.records import GatewayRecords
from servicekit.http.app import create_app
from servicekit.http.server import HttpServer
from servicekit.lifecycle import StopSignal

SERVICE = "provider-sandbox"
_KEY_PREFIXES: Mapping[GatewayName, str] = {"toss": "tviva", "portone": "tx-"}
_log = structlog.get_logger(__name__)


def build_application(records: GatewayRecords, controls: Mapping[GatewayName, ControlSource]) -> OpenAPI:
    """The gateways on the given records, beside what controls them."""
    desks = {
        name: PaymentDesk(name, _KEY_PREFIXES[name], records, lambda payment, at: None) for name in GATEWAYS
    }

    def expire_overdue() -> None:
        for desk in desks.values():
            desk.expire_overdue()

    def record_check() -> None:
        records.payments.money()

    app = create_app(
        SERVICE,
        checks={"record": record_check},
        routes=[
            control_routes(controls, records.clock, expire_overdue),
            payment_routes(desks, records.clock),
            record_routes(records, expire_overdue),
        ],
    )
    gateways = gateway_application(records, controls, desks)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {PREFIX: gateways.wsgi_app})  # type: ignore[method-assign]
    return app


@contextmanager
def serving(settings: SandboxSettings) -> Iterator[int]:
    """Serve during the block, which gets the port. Raises OSError if the port is taken."""
    database = Database(settings.sandbox_database_path)
    records = GatewayRecords(database)
    controls = {name: ControlSource() for name in GATEWAYS}
    app = build_application(records, controls)
    server = HttpServer(app, settings.http_host, settings.http_port, threads=settings.http_threads)
    with closing(database), server:
        try:
            yield server.port
        finally:
            for source in controls.values():
                source.close()


def run(settings: SandboxSettings, stop: StopSignal) -> None:
    """Serve until ``stop`` is set. Raises OSError if the port is taken."""
    with serving(settings) as port:
        _log.info("gateway_sandbox_started", port=port)
        stop.wait()
