"""SENS's paths."""

import time
from typing import Any

from flask import Blueprint, Response, request

from provider_sandbox.controls import ControlSource
from provider_sandbox.providers.controls import SensFaults
from provider_sandbox.providers.desk import MessageDesk
from provider_sandbox.providers.gate import Gate
from provider_sandbox.providers.message_record import MessageFilter
from provider_sandbox.providers.records import ProviderRecords
from provider_sandbox.providers.refusal import Refusal
from provider_sandbox.providers.sens.account import SERVICE_ID
from provider_sandbox.providers.sens.bodies import SensBody, SensQuery
from provider_sandbox.providers.sens.replies import SensRefusals, message_view
from provider_sandbox.providers.sens.send import send_sens_messages
from provider_sandbox.providers.sens.signature import check_signature
from provider_sandbox.received import json_body, sent_target
from servicekit.http.replies import json_reply

PROVIDER = "sens"
_MESSAGES = "/services/<service_id>/messages"


def sens_routes(records: ProviderRecords, controls: ControlSource[SensFaults]) -> Blueprint:
    """Sending and looking up messages."""
    routes = Blueprint(PROVIDER, __name__, url_prefix=f"/{PROVIDER}/alimtalk/v2")
    gate = Gate(PROVIDER, controls, records.requests, SensRefusals(), _authenticate)
    desk = MessageDesk(PROVIDER, records)

    @routes.post(_MESSAGES)
    def post_messages(service_id: str) -> Response:
        return gate.send(
            lambda: json_reply(
                send_sens_messages(SensBody.model_validate(json_body()), desk, controls.controls), 202
            )
        )

    @routes.get(_MESSAGES)
    def get_messages(service_id: str) -> Response:
        return gate.look_up(lambda: _messages(records))

    @routes.get(f"{_MESSAGES}/<message_id>")
    def get_message(service_id: str, message_id: str) -> Response:
        return gate.look_up(lambda: _message(records, message_id))

    return routes


def _authenticate() -> None:
    check_signature(request.method, sent_target(), request.headers, time.time())
    if (request.view_args or {}).get("service_id") != SERVICE_ID:
        error = {"errorCode": "210", "message": "Permission Denied", "details": "The service is unknown."}
        raise Refusal(403, {"error": error})


def _messages(records: ProviderRecords) -> Response | dict[str, Any]:
    query = SensQuery.model_validate(request.args.to_dict())
    wanted = MessageFilter(
        PROVIDER,
        group_id=query.request_id,
        message_ids=[query.message_id] if query.message_id else (),
        recipient_no=query.to,
        template_code=query.template_code,
        accepted=query.period(),
    )
    found = records.messages.find(wanted, records.clock.now(), limit=query.page_size, offset=query.next_token)
    if not found:
        return Response(status=404)
    end = query.next_token + len(found)
    has_more = end < records.messages.count(wanted)
    return {
        "statusCode": "200",
        "statusName": "success",
        "messages": [message_view(message) for message in found],
        "pageSize": query.page_size,
        "itemCount": len(found),
        "hasMore": has_more,
        "nextToken": str(end) if has_more else None,
    }


def _message(records: ProviderRecords, message_id: str) -> Response | dict[str, Any]:
    found = records.messages.find(MessageFilter(PROVIDER, message_ids=[message_id]), records.clock.now())
    return message_view(found[0]) if found else Response(status=404)
