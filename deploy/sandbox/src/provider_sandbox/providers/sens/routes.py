"""SENS's paths."""

import time
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, request

from provider_sandbox.controls import ControlSource
from provider_sandbox.providers.controls import SensFaults
from provider_sandbox.providers.desk import MessageDesk
from provider_sandbox.providers.gate import Gate
from provider_sandbox.providers.message_record import MessageFilter
from provider_sandbox.providers.records import ProviderRecords
from provider_sandbox.providers.refusal import Refusal
from provider_sandbox.providers.sens.account import CHANNEL, SERVICE_ID
from provider_sandbox.providers.sens.bodies import SensBody, SensQuery
from provider_sandbox.providers.sens.codes import ACCEPTED
from provider_sandbox.providers.sens.replies import SensRefusals, message_view, sent_reply
from provider_sandbox.providers.sens.send import accepted_message, request_code
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
        return gate.send(lambda: _send(desk, controls.controls))

    @routes.get(_MESSAGES)
    def get_messages(service_id: str) -> Response:
        return gate.look_up(lambda: _messages(records))

    @routes.get(f"{_MESSAGES}/<message_id>")
    def get_message(service_id: str, message_id: str) -> Response:
        return gate.look_up(lambda: _message(records, message_id))

    return routes


def _authenticate() -> None:
    check_signature(request.method, sent_target(), _headers(), time.time())
    if (request.view_args or {}).get("service_id") != SERVICE_ID:
        error = {"errorCode": "210", "message": "Permission Denied", "details": "The service is unknown."}
        raise Refusal(403, {"error": error})


def _headers() -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _send(desk: MessageDesk, faults: SensFaults) -> Response:
    body, now = SensBody.model_validate(json_body()), desk.records.clock.now()
    if body.plus_friend_id != CHANNEL:
        raise SensRefusals().invalid("plusFriendId is unknown.")
    template = desk.records.templates.approved(body.template_code)
    if template is None:
        raise SensRefusals().invalid("The template does not exist or is not approved.")
    request_id = str(uuid4())
    sent = [(str(uuid4()), request_code(each, faults), each) for each in body.messages]
    kept = [
        accepted_message(request_id, position, message_id, template, each, faults, now)
        for position, (message_id, code, each) in enumerate(sent, 1)
        if code == ACCEPTED
    ]
    desk.accept(kept, faults, now)
    return json_reply(sent_reply(request_id, sent, now), 202)


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
