"""SOLAPI's paths."""

import time

from flask import Blueprint, Response, request

from provider_sandbox.providers.controls import Allowance, SolapiFaults
from provider_sandbox.providers.desk import MessageDesk
from provider_sandbox.providers.gate import Gate
from provider_sandbox.providers.message_record import MessageFilter
from provider_sandbox.providers.records import ProviderRecords
from provider_sandbox.providers.request_parts import json_body
from provider_sandbox.providers.solapi.bodies import AddMessagesBody, GroupBody, ListQuery
from provider_sandbox.providers.solapi.groups import SolapiGroups
from provider_sandbox.providers.solapi.replies import SolapiRefusals, message_view, template_view
from provider_sandbox.providers.solapi.signature import CLOCK_SECONDS, checked_signature, refusal
from servicekit.http.replies import json_reply

PROVIDER = "solapi"
# A date may be 15 minutes ahead of our clock, and is near enough for another 15 minutes after.
_SIGNATURE_SECONDS = 2 * CLOCK_SECONDS


def solapi_routes(records: ProviderRecords, faults: Allowance[SolapiFaults], desk: MessageDesk) -> Blueprint:
    """Groups, and the list of messages."""
    routes = Blueprint(PROVIDER, __name__, url_prefix=f"/{PROVIDER}/messages/v4")
    gate = Gate(PROVIDER, faults, records.requests, SolapiRefusals(), lambda: _authenticate(records))
    groups = SolapiGroups(records, faults, desk)

    def is_faulty(call: str) -> bool:
        return faults.faults.faults_at in ("any", call)

    @routes.post("/groups")
    def post_group() -> Response:
        return gate.send(
            lambda: json_reply(
                groups.create(GroupBody.model_validate(_optional_body()), records.clock.now())
            ),
            is_faulty=is_faulty("create-group"),
        )

    @routes.put("/groups/<group_id>/messages")
    def put_messages(group_id: str) -> Response:
        return gate.send(
            lambda: json_reply(
                groups.add(group_id, AddMessagesBody.model_validate(json_body()), records.clock.now())
            ),
            is_faulty=is_faulty("add-messages"),
        )

    @routes.post("/groups/<group_id>/send")
    def post_send(group_id: str) -> Response:
        return gate.send(
            lambda: json_reply(groups.send(group_id, records.clock.now())), is_faulty=is_faulty("send-group")
        )

    @routes.get("/groups/<group_id>")
    def get_group(group_id: str) -> Response:
        return gate.look_up(lambda: json_reply(groups.info(group_id, records.clock.now())))

    @routes.get("/list")
    def get_list() -> Response:
        return gate.look_up(lambda: _list(records))

    return routes


def solapi_template_routes(records: ProviderRecords, faults: Allowance[SolapiFaults]) -> Blueprint:
    """The look-up of a template by SOLAPI's id of it."""
    routes = Blueprint(f"{PROVIDER}-templates", __name__, url_prefix=f"/{PROVIDER}/kakao/v2/templates")
    gate = Gate(PROVIDER, faults, records.requests, SolapiRefusals(), lambda: _authenticate(records))

    @routes.get("/<template_id>")
    def get_template(template_id: str) -> Response:
        return gate.look_up(lambda: _template(records, template_id))

    return routes


def _template(records: ProviderRecords, template_id: str) -> Response:
    template = records.templates.get(template_id)
    if template is None:
        raise refusal(404, "ResourceNotFound", "The template does not exist.")
    return json_reply(template_view(template))


def _authenticate(records: ProviderRecords) -> None:
    now = time.time()
    signature = checked_signature(request.headers.get("Authorization", ""), now)
    if not records.used_keys.claim(PROVIDER, signature, _SIGNATURE_SECONDS, now):
        raise refusal(403, "DuplicatedSignature", "The signature was used before.")


def _optional_body() -> dict[str, object]:
    return json_body() if request.get_data() else {}


def _list(records: ProviderRecords) -> Response:
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
        fields={"from": query.sender} if query.sender is not None else {},
    )
    offset = _after(query.start_key)
    found = records.messages.find(wanted, records.clock.now(), limit=query.limit, offset=offset)
    next_key = str(offset + len(found)) if len(found) == query.limit else None
    page = {"startKey": query.start_key, "nextKey": next_key, "limit": query.limit}
    return json_reply({**page, "messageList": {each.message_id: message_view(each) for each in found}})


def _after(start_key: str | None) -> int:
    """Raises ValueError for a key that no page had."""
    return int(start_key or 0)
