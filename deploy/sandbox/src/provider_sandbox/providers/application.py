"""The doubles as one WSGI application beside the sandbox's own API, whose rules for bodies aren't theirs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Flask

from provider_sandbox.providers.aligo.routes import aligo_routes
from provider_sandbox.providers.controls import AligoFaults, Allowance, NhnFaults, SensFaults, SolapiFaults
from provider_sandbox.providers.desk import MessageDesk
from provider_sandbox.providers.nhn.routes import nhn_routes
from provider_sandbox.providers.nhn.webhook import nhn_webhook
from provider_sandbox.providers.records import ProviderRecords
from provider_sandbox.providers.sens.routes import sens_routes
from provider_sandbox.providers.solapi.routes import solapi_routes, solapi_template_routes
from provider_sandbox.providers.solapi.webhook import solapi_webhook
from provider_sandbox.providers.webhook_sender import WebhookSender, WebhookSource
from servicekit.http.problems import register_problems
from servicekit.http.request_context import register_request_context
from servicekit.http.validation import MAX_BODY_BYTES

PREFIX = "/providers"


@dataclass(frozen=True, slots=True)
class ProviderControls:
    """The faults of each provider."""

    nhn: Allowance[NhnFaults] = field(default_factory=lambda: Allowance(NhnFaults()))
    solapi: Allowance[SolapiFaults] = field(default_factory=lambda: Allowance(SolapiFaults()))
    sens: Allowance[SensFaults] = field(default_factory=lambda: Allowance(SensFaults()))
    aligo: Allowance[AligoFaults] = field(default_factory=lambda: Allowance(AligoFaults()))

    def close(self) -> None:
        """End all waits: the process stops."""
        for source in (self.nhn, self.solapi, self.sens, self.aligo):
            source.close()


def webhook_sender(records: ProviderRecords, controls: ProviderControls) -> WebhookSender:
    """The thread for those providers that have webhooks."""
    sources = [
        WebhookSource("nhn", nhn_webhook, controls.nhn),
        WebhookSource("solapi", solapi_webhook, controls.solapi),
    ]
    return WebhookSender(records.webhooks, records.messages, sources, records.clock)


def provider_application(
    records: ProviderRecords, controls: ProviderControls, wake_sender: Callable[[], None]
) -> Flask:
    """All providers, each behind its name; to be mounted at PREFIX."""
    app = Flask("providers")
    app.url_map.strict_slashes = False
    # What the server hands on of a longer body is cut off.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    register_request_context(app)
    register_problems(app)

    def desk(provider: str) -> MessageDesk:
        return MessageDesk(provider, records, wake_sender)

    app.register_blueprint(nhn_routes(records, controls.nhn, desk("nhn")))
    app.register_blueprint(solapi_routes(records, controls.solapi, desk("solapi")))
    app.register_blueprint(solapi_template_routes(records, controls.solapi))
    app.register_blueprint(sens_routes(records, controls.sens, desk("sens")))
    app.register_blueprint(aligo_routes(records, controls.aligo, desk("aligo")))
    return app
