"""The sandbox's composition root."""

import structlog
from flask_openapi3.openapi import OpenAPI

from provider_sandbox.config import SandboxSettings
from provider_sandbox.controls import FaultSource
from provider_sandbox.http.controls import control_routes
from provider_sandbox.http.messages import message_routes
from provider_sandbox.http.records import record_routes
from provider_sandbox.http.webhooks import webhook_routes
from provider_sandbox.record import Record
from servicekit.http.app import create_app
from servicekit.http.server import HttpServer
from servicekit.lifecycle import StopSignal

SERVICE = "provider-sandbox"
_log = structlog.get_logger(__name__)


def build_application(record: Record, alimtalk: FaultSource, monitoring: FaultSource) -> OpenAPI:
    """The sandbox on the given record, with the faults of its two receivers."""

    def record_check() -> None:
        record.totals()

    return create_app(
        SERVICE,
        checks={"record": record_check},
        routes=[
            message_routes(record, alimtalk),
            webhook_routes(record, monitoring),
            control_routes(alimtalk, monitoring),
            record_routes(record),
        ],
    )


def run(settings: SandboxSettings, stop: StopSignal) -> None:
    """Serve until ``stop`` is set. Raises OSError if the port is taken."""
    record = Record(settings.sandbox_database_path)
    alimtalk, monitoring = FaultSource(), FaultSource()
    app = build_application(record, alimtalk, monitoring)
    server = HttpServer(app, settings.http_host, settings.http_port, threads=settings.http_threads)
    with server:
        _log.info("sandbox_started", port=server.port)
        stop.wait()
        alimtalk.close()
        monitoring.close()
    record.close()
