"""The templates that SOLAPI has, Kakao API v2."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field

from notification_service.alimtalk.refusals import refused_by_status
from notification_service.alimtalk.replies import read_look_up
from notification_service.alimtalk.solapi.requests import NAME, SolapiAccount, in_utc, solapi_authorization
from notification_service.alimtalk.template_button import TemplateButton
from notification_service.domain.registered_template import ApprovalState, RegisteredTemplate
from notification_service.http_client import exchange

_STATES: Mapping[str, ApprovalState] = {
    "PENDING": ApprovalState.REQUESTED,
    "INSPECTING": ApprovalState.IN_REVIEW,
    "APPROVED": ApprovalState.APPROVED,
    "REJECTED": ApprovalState.REJECTED,
}


class _Button(TemplateButton):
    kind: str = Field(alias="buttonType")
    name: str = Field(alias="buttonName")
    mobile_link: str | None = Field(default=None, alias="linkMo")
    desktop_link: str | None = Field(default=None, alias="linkPc")
    ios_link: str | None = Field(default=None, alias="linkIos")
    android_link: str | None = Field(default=None, alias="linkAnd")


class _Variable(BaseModel):
    name: str


class _Refusal(BaseModel):
    error_code: str = Field(alias="errorCode")


class _Template(BaseModel):
    content: str
    status: str
    buttons: list[_Button] = Field(default_factory=list)
    emphasis: str | None = Field(default=None, alias="emphasizeType")
    title: str | None = Field(default=None, alias="emphasizeTitle")
    subtitle: str | None = Field(default=None, alias="emphasizeSubTitle")
    variables: list[_Variable] | None = None

    def registered(self) -> RegisteredTemplate:
        names = [each.name.removeprefix("#{").removesuffix("}") for each in self.variables or ()]
        return RegisteredTemplate(
            content=self.content,
            state=_STATES.get(self.status, ApprovalState.UNKNOWN),
            buttons=[button.registered() for button in self.buttons],
            title="" if self.emphasis == "NONE" else self.title,
            subtitle="" if self.emphasis == "NONE" else self.subtitle,
            # An empty list may be one that SOLAPI hasn't filled.
            variables=frozenset(names) or None,
        )


class SolapiTemplates:
    """SOLAPI gives templates ids of its own; the account has them by our codes."""

    def __init__(self, client: httpx.Client, account: SolapiAccount, base_url: str) -> None:
        self._client = client
        self._account = account
        self._url = f"{base_url.rstrip('/')}/kakao/v2/templates"

    def registered(self, code: str) -> RegisteredTemplate | None:
        template_id = self._account.template_ids.get(code)
        if template_id is None:
            return None
        authorization = solapi_authorization(
            self._account.api_key, self._account.api_secret, in_utc(datetime.now(UTC)), secrets.token_hex(16)
        )
        request = self._client.build_request(
            "GET", f"{self._url}/{quote(template_id, safe='')}", headers={"Authorization": authorization}
        )
        response = exchange(self._client, request)
        if response.status_code == httpx.codes.NOT_FOUND:
            # Of a wrong URL it would have another body, and say nothing of the template.
            read_look_up(response, _Refusal)
            return None
        if response.status_code != httpx.codes.OK:
            raise refused_by_status(NAME, response)
        return read_look_up(response, _Template).registered()
