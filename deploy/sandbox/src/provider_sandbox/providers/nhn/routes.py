"""NHN's paths."""

from typing import Any

from flask import Blueprint, Response, request

from provider_sandbox.providers.controls import Account, NhnFaults
from provider_sandbox.providers.desk import MessageDesk
from provider_sandbox.providers.gate import IDEMPOTENCY_HEADER, Gate
from provider_sandbox.providers.message_record import MessageFilter
from provider_sandbox.providers.nhn import codes
from provider_sandbox.providers.nhn.account import APP_KEY, SECRET_KEY, SENDER_KEY
from provider_sandbox.providers.nhn.bodies import MessagesBody, MessagesQuery
from provider_sandbox.providers.nhn.replies import (
    NhnRefusals,
    header,
    message_view,
    refusal,
    template_view,
)
from provider_sandbox.providers.nhn.send import SendNhnMessages
from provider_sandbox.providers.nhn.webhook import nhn_report
from provider_sandbox.providers.records import ProviderRecords
from provider_sandbox.providers.template_record import TemplateRecord
from provider_sandbox.received import json_body

PROVIDER = "nhn"
_ROOT = "/alimtalk/v2.3/appkeys/<appkey>"


def nhn_routes(records: ProviderRecords, controls: Account[NhnFaults]) -> Blueprint:
    """Sending, and looking up messages and templates."""
    routes = Blueprint(PROVIDER, __name__, url_prefix=f"/{PROVIDER}")
    gate = Gate(PROVIDER, controls, records.requests, NhnRefusals(), _authenticate)
    send = SendNhnMessages(controls, MessageDesk(PROVIDER, records, nhn_report))

    @routes.post(f"{_ROOT}/messages")
    def post_messages(appkey: str) -> Response:
        key = request.headers.get(IDEMPOTENCY_HEADER)
        return gate.send(lambda: send(MessagesBody.model_validate(json_body()), key))

    @routes.get(f"{_ROOT}/messages")
    def get_messages(appkey: str) -> Response:
        return gate.look_up(lambda: _messages(records))

    @routes.get(f"{_ROOT}/senders/<sender_key>/templates")
    def get_templates(appkey: str, sender_key: str) -> Response:
        return gate.look_up(lambda: _templates(records.templates, sender_key))

    return routes


def _authenticate() -> None:
    if (request.view_args or {}).get("appkey") != APP_KEY:
        raise refusal(codes.INVALID_APP_KEY)
    if request.headers.get("X-Secret-Key") != SECRET_KEY:
        raise refusal(codes.INVALID_SECRET_KEY)


def _messages(records: ProviderRecords) -> dict[str, Any]:
    query = MessagesQuery.model_validate(request.args.to_dict())
    wanted = MessageFilter(
        PROVIDER,
        group_id=query.request_id,
        recipient_no=query.recipient_no,
        template_code=query.template_code,
        accepted=query.period(),
        fields={
            "senderGroupingKey": query.sender_grouping_key,
            "recipientGroupingKey": query.recipient_grouping_key,
        },
    )
    found = records.messages.find(wanted, records.clock.now(), limit=query.page_size, offset=query.offset)
    views = [message_view(message) for message in found]
    response = {"messages": views, "totalCount": records.messages.count(wanted)}
    return {"header": header(), "messageSearchResultResponse": response}


def _templates(templates: TemplateRecord, sender_key: str) -> dict[str, Any]:
    if sender_key != SENDER_KEY:
        raise refusal(codes.INACTIVE_SENDER)
    wanted = request.args.get("templateCode")
    views = [template_view(template) for template in templates.all() if wanted in (None, template.code)]
    response = {"templates": views, "totalCount": len(views)}
    return {"header": header(), "templateListResponse": response}
