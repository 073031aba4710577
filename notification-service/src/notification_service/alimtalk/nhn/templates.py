"""The templates that NHN Cloud has."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, Field

from notification_service.alimtalk.nhn.replies import Header, look_up_refusal
from notification_service.alimtalk.nhn.requests import NAME, NhnAccount
from notification_service.alimtalk.refusals import refused_by_status
from notification_service.alimtalk.replies import excludes_nothing, read_look_up
from notification_service.alimtalk.template_button import TemplateButton
from notification_service.domain.registered_template import ApprovalState, RegisteredTemplate
from notification_service.http_client import exchange

_STATES: Mapping[str, ApprovalState] = {
    "TSC01": ApprovalState.REQUESTED,
    "TSC02": ApprovalState.IN_REVIEW,
    "TSC03": ApprovalState.APPROVED,
    "TSC04": ApprovalState.REJECTED,
}


class _Button(TemplateButton):
    kind: str = Field(alias="type")
    name: str
    ordering: int = 0
    mobile_link: str | None = Field(default=None, alias="linkMo")
    desktop_link: str | None = Field(default=None, alias="linkPc")
    ios_link: str | None = Field(default=None, alias="schemeIos")
    android_link: str | None = Field(default=None, alias="schemeAndroid")


class _Listed(BaseModel):
    code: str = Field(alias="templateCode")
    content: str = Field(alias="templateContent")
    status: str
    buttons: list[_Button] | None = None
    emphasis: str | None = Field(default=None, alias="templateEmphasizeType")
    title: str | None = Field(default=None, alias="templateTitle")
    subtitle: str | None = Field(default=None, alias="templateSubtitle")

    def registered(self) -> RegisteredTemplate:
        buttons = sorted(self.buttons or [], key=lambda button: button.ordering)
        return RegisteredTemplate(
            content=self.content,
            state=_STATES.get(self.status, ApprovalState.UNKNOWN),
            buttons=[button.registered() for button in buttons],
            title="" if self.emphasis == "NONE" else self.title,
            subtitle="" if self.emphasis == "NONE" else self.subtitle,
        )


class _List(BaseModel):
    templates: list[_Listed]


class _Reply(BaseModel):
    header: Header
    found: _List | None = Field(default=None, alias="templateListResponse")


class NhnTemplates:
    """Our codes are those that NHN has."""

    def __init__(self, client: httpx.Client, account: NhnAccount, base_url: str) -> None:
        self._client = client
        self._account = account
        app_key, sender_key = (quote(key, safe="") for key in (account.app_key, account.sender_key))
        self._url = f"{base_url.rstrip('/')}/alimtalk/v2.3/appkeys/{app_key}/senders/{sender_key}/templates"

    def registered(self, code: str) -> RegisteredTemplate | None:
        request = self._client.build_request(
            "GET",
            f"{self._url}?{urlencode({'templateCode': code}, quote_via=quote)}",
            headers={"X-Secret-Key": self._account.secret_key},
        )
        response = exchange(self._client, request)
        if response.status_code != httpx.codes.OK:
            raise refused_by_status(NAME, response)
        reply = read_look_up(response, _Reply)
        if not reply.header.is_successful:
            raise look_up_refusal(reply.header, response)
        if reply.found is None:
            raise excludes_nothing("its reply is malformed")
        listed = [each for each in reply.found.templates if each.code == code]
        return listed[0].registered() if listed else None
