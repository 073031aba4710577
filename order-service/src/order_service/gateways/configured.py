"""The gateways that are configured, as one: a payment stays with the gateway and account first asked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

import httpx
import structlog

from order_service.application.ports import PaymentGateway
from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.payment_outcome import Answer, Outcome, Undecided
from order_service.domain.payment_request import PaymentRequest
from order_service.domain.refund_outcome import Refunded, RefundOutcome, RefundRefused
from order_service.domain.refund_request import RefundRequest
from order_service.gateways.in_process import InProcessGateway
from order_service.gateways.portone.api import PortoneApi
from order_service.gateways.portone.gateway import PortoneGateway
from order_service.gateways.toss.api import TossApi
from order_service.gateways.toss.gateway import TossGateway
from order_service.gateways.without_accounts import WithoutAccounts
from order_service.payment_settings import (
    GatewaySettings,
    InProcessGatewaySettings,
    PaymentSettings,
    PortoneGatewaySettings,
    TossGatewaySettings,
)
from servicekit.outbound.http_client import create_http_client

# A process that is asked to stop finishes its look-up, and has 10 s: for two, and for connecting each.
_LOOK_UP_TIMEOUT_SECONDS = 3.0

_log = structlog.get_logger(__name__)


class ConfiguredGateways:
    """New payments go to the gateway ``name``; whatever is asked about a payment goes to its own."""

    def __init__(self, name: str, gateways: Mapping[str, PaymentGateway]) -> None:
        self.name = name
        self.accounts = {name: each.accounts[name] for name, each in gateways.items()}
        self._gateways = gateways

    def only(self, name: str) -> Self:
        """The one of that name, as if no other were configured."""
        return type(self)(name, {name: self._gateways[name]})

    def approve(self, request: PaymentRequest) -> Answer:
        return self._of(request).approve(request)

    def find(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        return self._of(request).find(request, asked_at)

    def void(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        return self._of(request).void(request, asked_at)

    def refund(self, request: RefundRequest) -> Refunded | RefundRefused | Undecided:
        return self._of(request.payment).refund(request)

    def find_refund(self, request: RefundRequest) -> RefundOutcome:
        return self._of(request.payment).find_refund(request)

    def _of(self, request: PaymentRequest) -> PaymentGateway:
        gateway = self._gateways.get(request.gateway)
        if gateway is None:
            # No other may be asked: it would not know the payment, and could charge a second time.
            _log.error("payment_gateway_not_configured", gateway=request.gateway)
            raise GatewayMisconfigured
        if request.account not in (None, self.accounts[request.gateway]):
            # It would not find the payment, as if it had never happened.
            _log.error("payment_account_not_configured", gateway=request.gateway, account=request.account)
            raise GatewayMisconfigured
        return gateway


def configured_gateways(settings: PaymentSettings, connections: int) -> ConfiguredGateways:
    """Of this process, which makes up to ``connections`` calls at a time."""
    gateways: dict[str, PaymentGateway] = {}
    for each in settings.gateways:
        gateway = _gateway(each, connections)
        if not settings.sells_virtual_accounts:
            gateway = WithoutAccounts(gateway, settings.accounts_close_within)
        gateways[each.name] = gateway
    return ConfiguredGateways(settings.payment_gateway, gateways)


# A gateway is one more case here, and one more class of the union of settings.
def _gateway(settings: GatewaySettings, connections: int) -> PaymentGateway:
    match settings:
        case InProcessGatewaySettings():
            return InProcessGateway()
        case TossGatewaySettings():
            toss = TossApi(*_clients(settings, connections), settings.url, settings.secret_key)
            return TossGateway(toss, settings.account)
        case PortoneGatewaySettings():
            clients = _clients(settings, connections)
            portone = PortoneApi(*clients, settings.url, settings.api_secret, settings.store_id)
            return PortoneGateway(portone, settings.store_id, is_test=settings.is_test)


def _clients(
    settings: TossGatewaySettings | PortoneGatewaySettings, connections: int
) -> tuple[httpx.Client, httpx.Client]:
    """For calls that change something, and for look-ups."""
    return (
        create_http_client(settings.timeout_seconds, connections),
        create_http_client(_LOOK_UP_TIMEOUT_SECONDS, connections),
    )
