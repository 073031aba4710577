"""The composition root of the sandbox of payment gateways."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

import structlog
from pydantic import AnyHttpUrl

from provider_sandbox.config import GatewaySettings
from provider_sandbox.database import Database
from provider_sandbox.gateways.checkout.routes import checkout_routes
from provider_sandbox.gateways.names import GatewayName
from provider_sandbox.gateways.operating.bodies import ControlsBody
from provider_sandbox.gateways.operating.payments import payment_routes
from provider_sandbox.gateways.operating.records import record_routes
from provider_sandbox.gateways.operating.replies import ControlsReply
from provider_sandbox.gateways.operating.webhooks import webhook_routes
from provider_sandbox.gateways.portone.routes import portone_routes
from provider_sandbox.gateways.records import GatewayRecords
from provider_sandbox.gateways.sandbox import Sandbox
from provider_sandbox.gateways.toss.routes import toss_routes
from provider_sandbox.operating.controls import control_routes
from provider_sandbox.serving import application, served
from servicekit.lifecycle import StopSignal

_log = structlog.get_logger(__name__)


def serving(settings: GatewaySettings) -> AbstractContextManager[int]:
    """Serve during the block, which gets the port. Raises OSError if the port is taken."""
    database = Database(settings.sandbox_database_path)
    records = GatewayRecords(database)
    sandbox = Sandbox(records, _webhook_urls(settings))
    controls, desks = sandbox.controls, sandbox.desks
    operating = [
        control_routes(controls, records.clock, records.webhooks.changed.set, ControlsBody, ControlsReply),
        payment_routes(desks, records.clock),
        record_routes(records, sandbox.expire_overdue),
        webhook_routes(desks, sandbox.reporters, records.clock),
    ]
    doubles = [
        toss_routes(records, controls["toss"], desks["toss"]),
        portone_routes(records, controls["portone"], desks["portone"]),
        checkout_routes(desks),
    ]
    app = application(database, operating, "/gateways", doubles, strict_slashes=True)
    return served(settings, database, app, sandbox.sender, controls.values())


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
