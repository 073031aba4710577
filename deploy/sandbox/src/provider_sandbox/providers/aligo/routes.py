"""Aligo's path: a form."""

from typing import Any

from flask import Blueprint, Response, request

from provider_sandbox.controls import ControlSource
from provider_sandbox.providers.aligo import codes
from provider_sandbox.providers.aligo.account import API_KEY, USER_ID
from provider_sandbox.providers.aligo.bodies import DetailForm, SendForm
from provider_sandbox.providers.aligo.replies import AligoRefusals, detail_reply, refusal
from provider_sandbox.providers.aligo.send import send_aligo_messages
from provider_sandbox.providers.controls import AligoFaults
from provider_sandbox.providers.desk import MessageDesk
from provider_sandbox.providers.gate import Gate
from provider_sandbox.providers.message_record import MessageFilter
from provider_sandbox.providers.records import ProviderRecords

PROVIDER = "aligo"


def aligo_routes(records: ProviderRecords, controls: ControlSource[AligoFaults]) -> Blueprint:
    """Sending, and the history of what was sent."""
    routes = Blueprint(PROVIDER, __name__, url_prefix=f"/{PROVIDER}/akv10")
    gate = Gate(PROVIDER, controls, records.requests, AligoRefusals(), _authenticate)
    desk = MessageDesk(PROVIDER, records)

    @routes.post("/alimtalk/send/")
    def post_send() -> Response:
        return gate.send(lambda: send_aligo_messages(SendForm.of(request.form), desk, controls.controls))

    @routes.post("/history/detail/")
    def post_detail() -> Response:
        return gate.look_up(lambda: _detail(records, DetailForm.model_validate(request.form.to_dict())))

    return routes


def _detail(records: ProviderRecords, form: DetailForm) -> dict[str, Any]:
    wanted, start = MessageFilter(PROVIDER, group_id=form.mid), (form.page - 1) * form.limit
    found = records.messages.find(wanted, records.clock.now(), limit=form.limit, offset=start)
    return detail_reply(found, records.messages.count(wanted), form.page, form.limit)


def _authenticate() -> None:
    if request.form.get("apikey") != API_KEY or request.form.get("userid") != USER_ID:
        raise refusal(codes.UNAUTHORIZED, "인증오류입니다.")
