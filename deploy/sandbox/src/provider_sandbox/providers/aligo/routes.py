"""Aligo's paths: forms, all sent with POST."""

from itertools import groupby

from flask import Blueprint, Response, request

from provider_sandbox.providers.aligo import codes
from provider_sandbox.providers.aligo.account import API_KEY, SENDER_KEY, USER_ID
from provider_sandbox.providers.aligo.bodies import DetailForm, HistoryForm, SendForm, TemplatesForm
from provider_sandbox.providers.aligo.replies import (
    AligoRefusals,
    detail_view,
    history_view,
    refusal,
    success,
    template_view,
)
from provider_sandbox.providers.aligo.send import send_aligo_messages
from provider_sandbox.providers.controls import AligoFaults, Allowance
from provider_sandbox.providers.desk import MessageDesk
from provider_sandbox.providers.gate import Gate
from provider_sandbox.providers.message_record import MessageFilter
from provider_sandbox.providers.records import ProviderRecords
from servicekit.http.replies import json_reply

PROVIDER = "aligo"
_MAX_HISTORY = 10_000


def aligo_routes(records: ProviderRecords, faults: Allowance[AligoFaults], desk: MessageDesk) -> Blueprint:
    """Sending, and looking up messages and templates."""
    routes = Blueprint(PROVIDER, __name__, url_prefix=f"/{PROVIDER}/akv10")
    gate = Gate(PROVIDER, faults, records.requests, AligoRefusals(), _authenticate)

    @routes.post("/alimtalk/send/")
    def post_send() -> Response:
        return gate.send(
            lambda: json_reply(
                send_aligo_messages(
                    SendForm.of(request.form), records, faults.faults, desk, records.clock.now()
                )
            )
        )

    @routes.post("/history/list/")
    def post_history() -> Response:
        return gate.look_up(lambda: _history(records))

    @routes.post("/history/detail/")
    def post_detail() -> Response:
        return gate.look_up(lambda: _detail(records))

    @routes.post("/template/list/")
    def post_templates() -> Response:
        return gate.look_up(lambda: _templates(records))

    return routes


def _authenticate() -> None:
    if request.form.get("apikey") != API_KEY or request.form.get("userid") != USER_ID:
        raise refusal(codes.UNAUTHORIZED, "인증오류입니다.")


def _history(records: ProviderRecords) -> Response:
    form = HistoryForm.model_validate(request.form.to_dict())
    found = records.messages.find(
        MessageFilter(PROVIDER, accepted=form.period()), records.clock.now(), limit=_MAX_HISTORY
    )
    # The messages of one request follow each other: they are kept in one transaction.
    views = [history_view(mid, list(group)) for mid, group in groupby(found, lambda each: each.group_id)]
    newest = views[::-1]
    return json_reply(
        _page(newest[form.offset : form.offset + form.limit], form.page, len(newest), form.limit)
    )


def _detail(records: ProviderRecords) -> Response:
    form = DetailForm.model_validate(request.form.to_dict())
    wanted = MessageFilter(PROVIDER, group_id=form.mid)
    found = records.messages.find(wanted, records.clock.now(), limit=form.limit, offset=form.offset)
    views = [detail_view(message) for message in found]
    return json_reply(_page(views, form.page, records.messages.count(wanted), form.limit))


def _templates(records: ProviderRecords) -> Response:
    form = TemplatesForm.model_validate(request.form.to_dict())
    if form.senderkey != SENDER_KEY:
        raise refusal(codes.INVALID_REQUEST, "The sender key is unknown")
    found = [each for each in records.templates.all() if form.tpl_code in (None, each.code)]
    return json_reply(success(list=[template_view(each) for each in found]))


def _page(views: list[dict[str, object]], page: int, total: int, limit: int) -> dict[str, object]:
    return success(list=views, currentPage=page, totalPage=max(1, -(-total // limit)), totalCount=total)
