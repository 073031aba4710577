"""Payment providers behind the port :class:`order_service.application.ports.PaymentGateway`."""

from collections.abc import Callable, Mapping

from order_service.application.ports import PaymentGateway
from order_service.config import GatewayName, PaymentSettings
from order_service.gateways.in_process import InProcessGateway

# A provider of real money is one more line here, one more value of PAYMENT_GATEWAY, and its own settings.
GATEWAYS: Mapping[GatewayName, Callable[[PaymentSettings], PaymentGateway]] = {
    "in-process": lambda settings: InProcessGateway(),
}
