"""Aligo's path: a form."""

from flask import Blueprint, Response, request

from provider_sandbox.controls import ControlSource
from provider_sandbox.providers.aligo import codes
from provider_sandbox.providers.aligo.account import API_KEY, USER_ID
from provider_sandbox.providers.aligo.bodies import SendForm
from provider_sandbox.providers.aligo.replies import AligoRefusals, refusal
from provider_sandbox.providers.aligo.send import send_aligo_messages
from provider_sandbox.providers.controls import AligoFaults
from provider_sandbox.providers.desk import MessageDesk
from provider_sandbox.providers.gate import Gate
from provider_sandbox.providers.records import ProviderRecords

PROVIDER = "aligo"


def aligo_routes(records: ProviderRecords, controls: ControlSource[AligoFaults]) -> Blueprint:
    """Sending, the only call whose codes are sure."""
    routes = Blueprint(PROVIDER, __name__, url_prefix=f"/{PROVIDER}/akv10")
    gate = Gate(PROVIDER, controls, records.requests, AligoRefusals(), _authenticate)
    desk = MessageDesk(PROVIDER, records)

    @routes.post("/alimtalk/send/")
    def post_send() -> Response:
        return gate.send(lambda: send_aligo_messages(SendForm.of(request.form), desk, controls.controls))

    return routes


def _authenticate() -> None:
    if request.form.get("apikey") != API_KEY or request.form.get("userid") != USER_ID:
        raise refusal(codes.UNAUTHORIZED, "인증오류입니다.")
