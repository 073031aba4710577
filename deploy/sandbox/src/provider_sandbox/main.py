"""The composition root of the sandbox of alimtalk providers and of the two receivers."""

from contextlib import AbstractContextManager

import structlog

from provider_sandbox.config import SandboxSettings
from provider_sandbox.database import Database
from provider_sandbox.http.bodies import ControlsBody
from provider_sandbox.http.messages import message_routes
from provider_sandbox.http.records import record_routes
from provider_sandbox.http.replies import ControlsReply
from provider_sandbox.http.templates import template_routes
from provider_sandbox.http.webhooks import webhook_routes
from provider_sandbox.operating.controls import control_routes
from provider_sandbox.providers.aligo.routes import aligo_routes
from provider_sandbox.providers.controls import ProviderControls
from provider_sandbox.providers.nhn.routes import nhn_routes
from provider_sandbox.providers.nhn.webhook import nhn_webhook
from provider_sandbox.providers.records import ProviderRecords
from provider_sandbox.providers.sens.routes import sens_routes
from provider_sandbox.providers.solapi.routes import solapi_routes
from provider_sandbox.providers.solapi.webhook import solapi_webhook
from provider_sandbox.record import Record
from provider_sandbox.serving import application, served
from provider_sandbox.webhooks.sender import WebhookSender, WebhookSource
from servicekit.lifecycle import StopSignal

_log = structlog.get_logger(__name__)


def serving(settings: SandboxSettings) -> AbstractContextManager[int]:
    """Serve during the block, which gets the port. Raises OSError if the port is taken."""
    database = Database(settings.sandbox_database_path)
    record, providers, controls = Record(database), ProviderRecords(database), ProviderControls()
    sources, reports = controls.by_name(), providers.webhooks
    operating = [
        message_routes(record, controls.alimtalk),
        webhook_routes(record, controls.monitoring),
        control_routes(sources, providers.clock, reports.changed.set, ControlsBody, ControlsReply),
        record_routes(record, providers),
        template_routes(providers.templates),
    ]
    doubles = [
        nhn_routes(providers, controls.nhn),
        solapi_routes(providers, controls.solapi),
        sens_routes(providers, controls.sens),
        aligo_routes(providers, controls.aligo),
    ]
    app = application(database, operating, "/providers", doubles, strict_slashes=False)
    reporting = [
        WebhookSource("nhn", controls.nhn, nhn_webhook, controls.nhn.webhook_pauses),
        WebhookSource("solapi", controls.solapi, solapi_webhook, controls.solapi.webhook_pauses),
    ]
    sender = WebhookSender(reports, reporting, providers.clock)
    return served(settings, database, app, sender, sources.values())


def run(settings: SandboxSettings, stop: StopSignal) -> None:
    """Serve until ``stop`` is set. Raises OSError if the port is taken."""
    with serving(settings) as port:
        _log.info("sandbox_started", port=port)
        stop.wait()
