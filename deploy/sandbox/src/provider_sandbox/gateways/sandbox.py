"""The gateways put together: controls, desks, reports, and the thread that calls webhooks."""

from collections.abc import Mapping

from provider_sandbox.gateways.controls import ControlSource
from provider_sandbox.gateways.desk import PaymentDesk
from provider_sandbox.gateways.names import GATEWAYS, GatewayName
from provider_sandbox.gateways.portone.webhook import PortoneWebhooks
from provider_sandbox.gateways.records import GatewayRecords
from provider_sandbox.gateways.reporting import Reporter, WebhookDialect
from provider_sandbox.gateways.toss.webhook import TossWebhooks
from provider_sandbox.gateways.webhook_sender import WebhookSender, WebhookSource

_KEY_PREFIXES: Mapping[GatewayName, str] = {"toss": "tviva", "portone": "tx-"}


class Sandbox:
    """Each part by the gateway's name. ``webhook_urls`` hold until a control sets others."""

    def __init__(self, records: GatewayRecords, webhook_urls: Mapping[GatewayName, str]) -> None:
        self.records = records
        self.controls = {name: ControlSource() for name in GATEWAYS}
        dialects: Mapping[GatewayName, WebhookDialect] = {
            "toss": TossWebhooks(self.controls["toss"]),
            "portone": PortoneWebhooks(self.controls["portone"]),
        }
        sources = [WebhookSource(name, dialect, self.controls[name]) for name, dialect in dialects.items()]
        self.sender = WebhookSender(records, sources, self.expire_overdue)
        self.reporters = {
            name: Reporter(
                name,
                dialect,
                self.controls[name],
                webhook_urls.get(name),
                records.webhooks,
                self.sender.wake,
            )
            for name, dialect in dialects.items()
        }
        self.desks = {
            name: PaymentDesk(name, _KEY_PREFIXES[name], records, reporter.report)
            for name, reporter in self.reporters.items()
        }

    def expire_overdue(self) -> None:
        """Let payments whose window has closed expire, which is reported."""
        for desk in self.desks.values():
            desk.expire_overdue()

    def close(self) -> None:
        """End all waits and the reports: the process stops."""
        for source in self.controls.values():
            source.close()
        self.sender.stop()
