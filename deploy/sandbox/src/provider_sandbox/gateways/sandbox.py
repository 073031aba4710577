"""The gateways put together: controls, desks, reports, and the thread that calls webhooks."""

from collections.abc import Mapping

from provider_sandbox.gateways.controls import GatewayControlSource
from provider_sandbox.gateways.desk import PaymentDesk
from provider_sandbox.gateways.names import GATEWAYS, GatewayName
from provider_sandbox.gateways.portone.webhook import PortoneWebhooks
from provider_sandbox.gateways.records import GatewayRecords
from provider_sandbox.gateways.reporting import Reporter, WebhookDialect
from provider_sandbox.gateways.toss.webhook import TossWebhooks
from provider_sandbox.webhooks.sender import WebhookSender

_KEY_PREFIXES: Mapping[GatewayName, str] = {"toss": "tviva", "portone": "tx-"}


class Sandbox:
    """Each part by the gateway's name. ``webhook_urls`` hold until a control sets others."""

    def __init__(self, records: GatewayRecords, webhook_urls: Mapping[GatewayName, str]) -> None:
        self.records = records
        self.controls = {name: GatewayControlSource() for name in GATEWAYS}
        dialects: Mapping[GatewayName, WebhookDialect] = {
            "toss": TossWebhooks(self.controls["toss"]),
            "portone": PortoneWebhooks(self.controls["portone"]),
        }
        self.reporters = {
            name: Reporter(name, dialect, self.controls[name], webhook_urls.get(name), records.webhooks)
            for name, dialect in dialects.items()
        }
        sources = [reporter.source for reporter in self.reporters.values()]
        self.sender = WebhookSender(records.webhooks, sources, records.clock, self.expire_overdue)
        self.desks = {
            name: PaymentDesk(name, _KEY_PREFIXES[name], records, reporter.report)
            for name, reporter in self.reporters.items()
        }

    def expire_overdue(self) -> float | None:
        """Let payments whose window has closed expire, which is reported. Returns when the next one does."""
        for desk in self.desks.values():
            desk.expire_overdue()
        return self.records.payments.next_expiry()
