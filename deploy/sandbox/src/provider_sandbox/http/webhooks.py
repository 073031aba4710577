"""``/webhooks/monitoring``: the receiver of monitoring events.

It identifies repetitions by their ``Idempotency-Key``, keeps the first event of a key, and counts the others.
"""

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint

from provider_sandbox.controls import ControlSource
from provider_sandbox.http.faults import raise_fault
from provider_sandbox.http.replies import WebhooksReply
from provider_sandbox.operating.pages import PageQuery
from provider_sandbox.providers.controls import SENDING_FAULTS, Faults, timing_out
from provider_sandbox.record import Record
from servicekit.http.idempotency import HEADER, sent_key
from servicekit.http.problems import Problem
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def webhook_routes(record: Record, controls: ControlSource[Faults]) -> APIBlueprint:
    """Receiving an event and listing those received."""
    routes = APIBlueprint("webhooks", __name__, url_prefix="/webhooks/monitoring")

    # No model: a monitoring system reads what it likes of the event, and any JSON object will do.
    @route(routes, "POST", "", summary="Report an event", replies={204: None})
    def post_webhook() -> Response:
        controls.delay()
        key = sent_key()
        if key is None:
            errors = [{"field": HEADER, "detail": "is missing"}]
            raise Problem(400, "idempotency-key-missing", f"The header {HEADER} is missing.", errors=errors)
        fault = controls.take(*SENDING_FAULTS)
        raise_fault(fault)
        with timing_out(controls, fault):
            record.add_webhook(key, request.get_json(silent=True) or {})
        return Response(status=204)

    @route(routes, "GET", "", summary="List received events", replies={200: WebhooksReply})
    def get_webhooks(query: PageQuery) -> Response:
        found = record.webhooks(after=query.after, limit=query.limit)
        return json_reply(WebhooksReply.of(found, query.limit))

    return routes
