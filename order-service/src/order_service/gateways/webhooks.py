"""The webhooks of the gateways that are configured."""

from collections.abc import Mapping, Sequence

from pydantic import SecretStr

from order_service.application.ports import WebhookParser
from order_service.gateways.portone.webhooks import PortoneWebhooks
from order_service.gateways.toss.webhooks import parse_webhook
from order_service.payment_settings import (
    GatewaySettings,
    InProcessGatewaySettings,
    PortoneGatewaySettings,
    TossGatewaySettings,
)


def webhook_parsers(
    gateways: Sequence[GatewaySettings], portone_secrets: Sequence[SecretStr]
) -> Mapping[str, WebhookParser]:
    """By the gateway's name. PortOne's are read if they can be told from forged ones."""
    parsers: dict[str, WebhookParser] = {}
    for gateway in gateways:
        match gateway:
            case TossGatewaySettings():
                parsers[gateway.name] = parse_webhook
            case PortoneGatewaySettings() if portone_secrets:
                secrets = [secret.get_secret_value() for secret in portone_secrets]
                parsers[gateway.name] = PortoneWebhooks(secrets, gateway.store_id).parse
            case InProcessGatewaySettings() | PortoneGatewaySettings():
                pass
    return parsers
