"""NHN's paths."""

from flask import Blueprint, Response, request

from provider_sandbox.providers.controls import Allowance, NhnFaults
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
from provider_sandbox.providers.records import ProviderRecords
from provider_sandbox.providers.request_parts import json_body
from servicekit.http.replies import json_reply

PROVIDER = "nhn"
_ROOT = "/alimtalk/v2.3/appkeys/<appkey>"


def nhn_routes(records: ProviderRecords, faults: Allowance[NhnFaults], desk: MessageDesk) -> Blueprint:
    """Sending, and looking up messages and templates."""
    routes = Blueprint(PROVIDER, __name__, url_prefix=f"/{PROVIDER}")
    gate = Gate(PROVIDER, faults, records.requests, NhnRefusals(), _authenticate)
    send = SendNhnMessages(records, faults, desk)
    looks = _Lookups(records)

    @routes.post(f"{_ROOT}/messages")
    def post_messages(appkey: str) -> Response:
        return gate.send(lambda: _sent(send, records, MessagesBody.model_validate(json_body())))

    @routes.get(f"{_ROOT}/messages")
    def get_messages(appkey: str) -> Response:
        return gate.look_up(looks.messages)

    @routes.get(f"{_ROOT}/senders/<sender_key>/templates")
    def get_templates(appkey: str, sender_key: str) -> Response:
        return gate.look_up(lambda: looks.templates(sender_key))

    return routes


def _authenticate() -> None:
    if (request.view_args or {}).get("appkey") != APP_KEY:
        raise refusal(codes.INVALID_APP_KEY)
    if request.headers.get("X-Secret-Key") != SECRET_KEY:
        raise refusal(codes.INVALID_SECRET_KEY)


def _sent(send: SendNhnMessages, records: ProviderRecords, body: MessagesBody) -> Response:
    return json_reply(send(body, request.headers.get(IDEMPOTENCY_HEADER), records.clock.now()))


class _Lookups:
    def __init__(self, records: ProviderRecords) -> None:
        self._records = records

    def messages(self) -> Response:
        query = MessagesQuery.model_validate(request.args.to_dict())
        keys = {
            "senderGroupingKey": query.sender_grouping_key,
            "recipientGroupingKey": query.recipient_grouping_key,
        }
        wanted = MessageFilter(
            PROVIDER,
            group_id=query.request_id,
            recipient_no=query.recipient_no,
            template_code=query.template_code,
            accepted=query.period(),
            fields={name: key for name, key in keys.items() if key is not None},
        )
        found = self._records.messages.find(
            wanted, self._records.clock.now(), limit=query.page_size, offset=query.offset
        )
        views = [message_view(message) for message in found]
        response = {"messages": views, "totalCount": self._records.messages.count(wanted)}
        return json_reply({"header": header(), "messageSearchResultResponse": response})

    def templates(self, sender_key: str) -> Response:
        if sender_key != SENDER_KEY:
            raise refusal(codes.INACTIVE_SENDER)
        wanted = request.args.get("templateCode")
        found = [each for each in self._records.templates.all() if wanted in (None, each.code)]
        views = [template_view(template) for template in found]
        response = {"templates": views, "totalCount": len(views)}
        return json_reply({"header": header(), "templateListResponse": response})
