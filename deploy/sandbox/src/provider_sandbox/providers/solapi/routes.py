"""SOLAPI's paths."""

import time
from typing import Any

from flask import Blueprint, Response, request

from provider_sandbox.providers.controls import Account, SolapiFaults
from provider_sandbox.providers.desk import MessageDesk
from provider_sandbox.providers.gate import Answer, Gate
from provider_sandbox.providers.message_record import MessageFilter
from provider_sandbox.providers.records import ProviderRecords
from provider_sandbox.providers.solapi.bodies import AddMessagesBody, GroupBody, ListQuery
from provider_sandbox.providers.solapi.groups import SolapiGroups
from provider_sandbox.providers.solapi.replies import SolapiRefusals, message_view, template_view
from provider_sandbox.providers.solapi.signature import CLOCK_SECONDS, checked_signature, refusal
from provider_sandbox.received import json_body

PROVIDER = "solapi"
_GROUPS = "/messages/v4/groups"
# A date may be 15 minutes ahead of our clock, and is near enough for another 15 minutes after.
_SIGNATURE_SECONDS = 2 * CLOCK_SECONDS


def solapi_routes(records: ProviderRecords, controls: Account[SolapiFaults]) -> Blueprint:
    """Groups, the list of messages, and the look-up of a template by SOLAPI's id of it."""
    routes = Blueprint(PROVIDER, __name__, url_prefix=f"/{PROVIDER}")
    gate = Gate(PROVIDER, controls, records.requests, SolapiRefusals(), lambda: _authenticate(records))
    groups = SolapiGroups(controls, MessageDesk(PROVIDER, records, message_view))

    def sent(call: str, answer: Answer) -> Response:
        return gate.send(answer, is_faulty=controls.controls.faults_at in ("any", call))

    @routes.post(_GROUPS)
    def post_group() -> Response:
        return sent("create-group", lambda: groups.create(GroupBody.model_validate(_optional_body())))

    @routes.put(f"{_GROUPS}/<group_id>/messages")
    def put_messages(group_id: str) -> Response:
        return sent("add-messages", lambda: groups.add(group_id, AddMessagesBody.model_validate(json_body())))

    @routes.post(f"{_GROUPS}/<group_id>/send")
    def post_send(group_id: str) -> Response:
        return sent("send-group", lambda: groups.send(group_id))

    @routes.delete(f"{_GROUPS}/<group_id>")
    def delete_group(group_id: str) -> Response:
        return gate.send(lambda: groups.delete(group_id), is_faulty=False)

    @routes.get(f"{_GROUPS}/<group_id>")
    def get_group(group_id: str) -> Response:
        return gate.look_up(lambda: groups.info(group_id))

    @routes.get("/messages/v4/list")
    def get_list() -> Response:
        return gate.look_up(lambda: _list(records))

    @routes.get("/kakao/v2/templates/<template_id>")
    def get_template(template_id: str) -> Response:
        return gate.look_up(lambda: _template(records, template_id))

    return routes


def _template(records: ProviderRecords, template_id: str) -> dict[str, Any]:
    template = records.templates.get(template_id)
    if template is None:
        raise refusal(404, "ResourceNotFound", "The template does not exist.")
    return template_view(template)


def _authenticate(records: ProviderRecords) -> None:
    now = time.time()
    signature = checked_signature(request.headers.get("Authorization", ""), now)
    if not records.used_keys.claim(PROVIDER, signature, _SIGNATURE_SECONDS, now):
        raise refusal(403, "DuplicatedSignature", "The signature was used before.")


def _optional_body() -> dict[str, object]:
    return json_body() if request.get_data() else {}


def _list(records: ProviderRecords) -> dict[str, Any]:
    sent = request.args.to_dict()
    ids = [*request.args.getlist("messageIds[]"), *request.args.getlist("messageIds")]
    others = {name: value for name, value in sent.items() if name not in ("messageIds[]", "messageIds")}
    query = ListQuery.model_validate({**others, "messageIds": ids})
    if query.message_id is not None:
        ids.append(query.message_id)
    wanted = MessageFilter(
        PROVIDER,
        message_ids=ids,
        group_id=query.group_id,
        recipient_no=query.to,
        accepted=query.period,
        fields={"from": query.sender},
    )
    # Raises ValueError for a key that no page had.
    offset = int(query.start_key or 0)
    found = records.messages.find(wanted, records.clock.now(), limit=query.limit, offset=offset)
    next_key = str(offset + len(found)) if len(found) == query.limit else None
    page = {"startKey": query.start_key, "nextKey": next_key, "limit": query.limit}
    return {**page, "messageList": {each.message_id: message_view(each) for each in found}}
