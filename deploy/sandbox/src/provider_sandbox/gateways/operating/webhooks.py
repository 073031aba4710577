"""``/webhooks``: reports that aren't true."""

from collections.abc import Mapping
from dataclasses import replace

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from provider_sandbox.clock import Clock
from provider_sandbox.gateways.desk import PaymentDesk, Purchase
from provider_sandbox.gateways.names import GatewayName
from provider_sandbox.gateways.operating.bodies import UntrueWebhookBody
from provider_sandbox.gateways.payment import Payment
from provider_sandbox.gateways.reporting import Reporter
from servicekit.http.problems import Problem
from servicekit.http.routes import route

_WRONG_SECRET = "ps_forged"  # noqa: S105 - of no payment


def webhook_routes(
    desks: Mapping[GatewayName, PaymentDesk], reporters: Mapping[GatewayName, Reporter], clock: Clock
) -> APIBlueprint:
    """Sending a webhook that lies about an order."""
    routes = APIBlueprint("webhooks", __name__, url_prefix="/webhooks")

    @route(routes, "POST", "/untrue", summary="Send a webhook that isn't true", replies={202: None})
    def post_untrue(body: UntrueWebhookBody) -> Response:
        desk, now = desks[body.gateway], clock.now()
        payment = desk.of_order(body.order_id) or desk.invented(_purchase(body))
        sent = reporters[body.gateway].lie(
            _untrue(payment, body, now), now, event_type=body.event_type, is_forged=body.forged
        )
        if sent == 0:
            detail = "There is no address for webhooks, or the gateway doesn't report that status."
            raise Problem(409, "nothing-to-report", detail)
        return Response(status=202)

    return routes


def _purchase(body: UntrueWebhookBody) -> Purchase:
    return Purchase(body.order_id, "주문", body.amount, "KRW", "CARD")


def _untrue(payment: Payment, body: UntrueWebhookBody, now: float) -> Payment:
    lie = replace(payment, status=body.status)
    if body.status == "DONE":
        lie = replace(lie, approved_at=now)
    if body.status in {"CANCELED", "PARTIAL_CANCELED"} and not lie.cancellations:
        amount = payment.amount if body.status == "CANCELED" else 1
        lie = payment.cancelled(amount, "위조", "forged", now)
    return replace(lie, secret=_WRONG_SECRET) if body.forged else lie
