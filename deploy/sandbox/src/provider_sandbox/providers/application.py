"""The doubles put together: their paths, and their webhooks."""

from collections.abc import Callable

from flask import Blueprint

from provider_sandbox.providers.aligo.routes import aligo_routes
from provider_sandbox.providers.controls import Allowance, NhnFaults, ProviderControls, SolapiFaults
from provider_sandbox.providers.nhn.routes import nhn_routes
from provider_sandbox.providers.nhn.webhook import nhn_webhook
from provider_sandbox.providers.records import ProviderRecords
from provider_sandbox.providers.sens.routes import sens_routes
from provider_sandbox.providers.solapi.routes import solapi_routes
from provider_sandbox.providers.solapi.webhook import solapi_webhook
from provider_sandbox.webhooks.call import WebhookCall
from provider_sandbox.webhooks.queue import QueuedWebhook
from provider_sandbox.webhooks.source import WebhookSource

PREFIX = "/providers"
_RETRIES = 4
_TIMEOUT_SECONDS = 3.0


def provider_routes(records: ProviderRecords, controls: ProviderControls) -> list[Blueprint]:
    """All providers, each behind its name; to be mounted at PREFIX."""
    return [
        nhn_routes(records, controls.nhn),
        solapi_routes(records, controls.solapi),
        sens_routes(records, controls.sens),
        aligo_routes(records, controls.aligo),
    ]


def webhook_sources(controls: ProviderControls) -> list[WebhookSource]:
    """Those providers that have webhooks."""
    return [_source("nhn", controls.nhn, nhn_webhook), _source("solapi", controls.solapi, solapi_webhook)]


def _source(
    provider: str,
    source: Allowance[NhnFaults] | Allowance[SolapiFaults],
    write: Callable[[QueuedWebhook], WebhookCall],
) -> WebhookSource:
    return WebhookSource(
        provider,
        source,
        write,
        pauses=lambda: [source.controls.webhook_retry_delay_ms / 1000] * _RETRIES,
        timeout_seconds=lambda: _TIMEOUT_SECONDS,
    )
