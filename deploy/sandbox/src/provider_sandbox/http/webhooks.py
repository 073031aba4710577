"""The receiver of monitoring events: ``/webhooks/monitoring``

It tells repetitions by their ``Idempotency-Key``, keeps the first, and counts the others.
"""

from typing import Any

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.openapi import OpenAPI

from provider_sandbox.controls import SENDING_FAULTS, FaultSource
from provider_sandbox.http.faults import refuse
from provider_sandbox.http.paging import PageQuery
from provider_sandbox.record import Record
from servicekit.fields import JsonModel
from servicekit.http.idempotency import idempotency_key
from servicekit.http.problems import Problem, ProblemReply
from servicekit.http.replies import json_reply


class WebhookReply(JsonModel):
    idempotency_key: str
    body: dict[str, Any]
    received_at: str
    repetitions: int


class WebhooksReply(JsonModel):
    """``next`` is null on the last page."""

    webhooks: list[WebhookReply]
    next: int | None


def register_webhooks(app: OpenAPI, record: Record, faults: FaultSource) -> None:
    api = APIBlueprint("webhooks", __name__)

    # Any JSON object will do: what a monitoring system reads of it is its own business.
    @api.post("/webhooks/monitoring", summary="Report an event", responses={204: None, 400: ProblemReply})
    def receive() -> Response:
        faults.delay()
        key = idempotency_key()
        if key is None:
            errors = [{"field": "Idempotency-Key", "detail": "is missing"}]
            raise Problem(
                400, "idempotency-key-missing", "The header Idempotency-Key is missing.", errors=errors
            )
        fault = faults.take(*SENDING_FAULTS)
        refuse(fault)
        record.add_webhook(key, request.get_json(silent=True) or {})
        if fault == "timeout_after_accept_next":
            faults.time_out()
        return Response(status=204)

    @api.get("/webhooks/monitoring", summary="Events received", responses={200: WebhooksReply})
    def webhooks(query: PageQuery) -> Response:
        found = record.webhooks(after=query.after, limit=query.limit)
        replies = [
            WebhookReply(
                idempotency_key=webhook.idempotency_key,
                body=webhook.body,
                received_at=webhook.received_at,
                repetitions=webhook.repetitions,
            )
            for webhook in found
        ]
        full = len(found) == query.limit
        return json_reply(WebhooksReply(webhooks=replies, next=found[-1].sequence if full else None))

    app.register_api(api)
