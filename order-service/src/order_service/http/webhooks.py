"""``/api/v1/gateways/{name}/webhooks``: what payment gateways report."""

from collections.abc import Mapping

import structlog
from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from prometheus_client import Counter

from order_service.application.note_payment_hint import NotePaymentHint, NotePaymentHintCommand
from order_service.application.ports import WebhookParser
from order_service.domain.errors import ForgedWebhook, MalformedWebhook, UnknownGateway
from order_service.domain.payment_hint import PaymentHint
from order_service.http.bodies import GatewayPath, WebhookBody
from servicekit.http.routes import route

_WEBHOOKS = Counter(
    "order_gateway_webhooks",
    "Webhooks of payment gateways, by what they lead to: asked, a look-up of a payment; nothing; or refused,"
    " which are forged or malformed.",
    ["gateway", "effect"],
)
_log = structlog.get_logger(__name__)


def webhook_routes(note_payment_hint: NotePaymentHint, parsers: Mapping[str, WebhookParser]) -> APIBlueprint:
    """Receiving webhooks; ``parsers`` by the name of the gateway."""
    routes = APIBlueprint("webhooks", __name__, url_prefix="/api/v1/gateways/<string:name>/webhooks")

    @route(routes, "POST", "", summary="Report a change of a payment (for gateways)", replies={200: None})
    def post_webhook(path: GatewayPath, body: WebhookBody) -> Response:
        if path.name not in parsers:
            raise UnknownGateway
        # As it came: a signature is of its bytes.
        hint = _parsed(path.name, parsers[path.name], request.get_data())
        noted = 0 if hint is None else note_payment_hint(NotePaymentHintCommand(path.name, hint))
        _WEBHOOKS.labels(path.name, "asked" if noted else "nothing").inc()
        # After the commit, and the same for all: who forges one learns nothing of the shop's orders. Toss
        # takes nothing but 200 for received.
        return Response(status=200)

    return routes


def _parsed(name: str, parse: WebhookParser, body: bytes) -> PaymentHint | None:
    headers = {header.lower(): value for header, value in request.headers.items()}
    try:
        return parse(headers, body)
    except (ForgedWebhook, MalformedWebhook) as error:
        _WEBHOOKS.labels(name, "refused").inc()
        # Without what came: a wrong secret may be the right one of another place.
        _log.warning("webhook_refused", gateway=name, reason=type(error).__name__)
        raise
