"""The composition root of the sandbox of alimtalk providers and of the two receivers."""

from contextlib import AbstractContextManager

import structlog

from provider_sandbox.config import SandboxSettings
from provider_sandbox.database import Database
from provider_sandbox.http.controls import control_routes
from provider_sandbox.http.messages import message_routes
from provider_sandbox.http.records import record_routes
from provider_sandbox.http.templates import template_routes
from provider_sandbox.http.webhooks import webhook_routes
from provider_sandbox.operating.controls import ControlPanel
from provider_sandbox.providers.application import PREFIX, provider_routes, webhook_sources
from provider_sandbox.providers.controls import ProviderControls
from provider_sandbox.providers.records import ProviderRecords
from provider_sandbox.record import Record
from provider_sandbox.serving import application, served
from provider_sandbox.webhooks.sender import WebhookSender
from servicekit.lifecycle import StopSignal

_log = structlog.get_logger(__name__)


def serving(settings: SandboxSettings) -> AbstractContextManager[int]:
    """Serve during the block, which gets the port. Raises OSError if the port is taken."""
    database = Database(settings.sandbox_database_path)
    record, providers, controls = Record(database), ProviderRecords(database), ProviderControls()
    sources = controls.by_name()
    operating = [
        message_routes(record, controls.alimtalk),
        webhook_routes(record, controls.monitoring),
        control_routes(ControlPanel(sources, providers.clock, providers.webhooks.changed.set)),
        record_routes(record, providers),
        template_routes(providers.templates),
    ]
    doubles = provider_routes(providers, controls)
    app = application(database, operating, PREFIX, doubles, strict_slashes=False)
    sender = WebhookSender(providers.webhooks, webhook_sources(controls), providers.clock)
    return served(settings, database, app, sender, sources.values())


def run(settings: SandboxSettings, stop: StopSignal) -> None:
    """Serve until ``stop`` is set. Raises OSError if the port is taken."""
    with serving(settings) as port:
        _log.info("sandbox_started", port=port)
        stop.wait()
