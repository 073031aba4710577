"""The sandbox's process, composed."""

from importlib.metadata import version

import structlog
from flask_openapi3.openapi import OpenAPI

from provider_sandbox.config import SandboxSettings
from provider_sandbox.controls import FaultSource
from provider_sandbox.http.controls import register_controls
from provider_sandbox.http.messages import register_messages
from provider_sandbox.http.webhooks import register_webhooks
from provider_sandbox.record import Record
from servicekit.http.app import create_app
from servicekit.http.server import HttpServer
from servicekit.lifecycle import StopSignal

SERVICE = "provider-sandbox"
_log = structlog.get_logger(__name__)


def create_application(record: Record, alimtalk: FaultSource, monitoring: FaultSource) -> OpenAPI:
    """The sandbox as a WSGI application."""

    def record_check() -> None:
        record.totals()

    app = create_app(SERVICE, version(SERVICE), {"record": record_check})
    register_messages(app, record, alimtalk)
    register_webhooks(app, record, monitoring)
    register_controls(app, record, alimtalk, monitoring)
    return app


def run(settings: SandboxSettings, stop: StopSignal) -> None:
    """Serve until ``stop`` is set. Raises OSError when the port is taken."""
    record = Record(settings.sandbox_database_path)
    alimtalk, monitoring = FaultSource(), FaultSource()
    app = create_application(record, alimtalk, monitoring)
    server = HttpServer(app, settings.http_host, settings.http_port, threads=settings.http_threads)
    with server:
        _log.info("sandbox_started", port=server.port)
        stop.wait()
        alimtalk.close()
        monitoring.close()
    record.close()
