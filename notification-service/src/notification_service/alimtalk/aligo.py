"""Aligo's alimtalk API (akv10)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Never

import httpx
from pydantic import BaseModel, Field

from notification_service.alimtalk.refusals import refusal, refused_by_status
from notification_service.alimtalk.replies import (
    Code,
    MessageId,
    NumericCode,
    excludes_nothing,
    malformed,
    read_look_up,
    read_reply,
)
from notification_service.application.ports import MaySend
from notification_service.domain.alimtalk_codes import ALIGO_CODES
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import Answer, ProviderResult, ResultState
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.errors import DeliveryRejected, OutcomeUnknown
from notification_service.domain.failure_reason import FailureReason
from notification_service.http_client import excerpt, exchange
from servicekit.fields import MAX_INT64

_NAME = "Aligo"
_DELIVERED = "0"

_Count = Annotated[int, Field(strict=True, ge=0, le=1_000)]


class _Info(BaseModel):
    message_id: MessageId | Annotated[int, Field(strict=True, ge=1, le=MAX_INT64)] = Field(alias="mid")
    accepted: _Count = Field(alias="scnt")
    refused: _Count = Field(alias="fcnt")


class _SendReply(BaseModel):
    code: NumericCode
    info: _Info | None = None


class _Listed(BaseModel):
    """A recipient of a sending. Without a result its dates are missing, empty or of zeros."""

    result: Code | NumericCode | Literal[""] | None = Field(None, alias="rslt")
    result_date: str | None = Field(None, alias="rsltdate")
    report_date: str | None = Field(None, alias="reportdate")


class _DetailReply(BaseModel):
    code: NumericCode
    recipients: list[_Listed] = Field(default=[], alias="list")


# Without repr: it would show the secrets.
@dataclass(frozen=True, slots=True, repr=False)
class AligoAccount:
    """``template_codes`` are Aligo's, by ours."""

    api_key: str
    user_id: str
    sender_key: str
    sender_number: str
    template_codes: Mapping[str, str]


class AligoAlimtalkProvider:
    """Sends each message as a request of its own, at most once.

    Aligo has no key against sending twice, and no field for our reference by which a message is found. So a
    message that may have been sent is never sent again: it stays unconfirmed until it is given up.

    Its history has each sending by Aligo's id. Public sources agree on one code in it, that of a delivered
    message: any other one leaves the result unknown, and its delivery EXPIRED in the end.
    """

    name = "aligo"
    can_look_up = False
    accepts_finally = False
    keeps_unsent = False
    batches = None
    # A sending has one message.
    results_at_once = 1

    def __init__(self, client: httpx.Client, account: AligoAccount, base_url: str) -> None:
        self._client = client
        self._account = account
        akv10 = f"{base_url.rstrip('/')}/akv10"
        self._send_url = f"{akv10}/alimtalk/send/"
        self._detail_url = f"{akv10}/history/detail/"

    def find(self, message: AlimtalkMessage) -> Never:
        detail = f"{_NAME} finds no message by our reference {message.reference}"
        raise OutcomeUnknown(FailureReason.NOT_CONFIRMED, detail)

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        account = self._account
        request = self._client.build_request(
            "POST",
            self._send_url,
            data={
                "apikey": account.api_key,
                "userid": account.user_id,
                "senderkey": account.sender_key,
                "tpl_code": account.template_codes[message.template_code],
                "sender": account.sender_number,
                "receiver_1": message.recipient_number,
                # Required, and not shown to the recipient.
                "subject_1": message.template_code,
                "message_1": message.content,
                "failover": "N",
                **_decoration(message),
            },
        )
        response = exchange(self._client, request, may_send)
        if response.status_code != httpx.codes.OK:
            raise refused_by_status(_NAME, response)
        return _accepted_id(response)

    def asked_together(self, awaited: AwaitedResult) -> str:
        return awaited.message_id

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        (asked,) = awaited
        account = self._account
        request = self._client.build_request(
            "POST",
            self._detail_url,
            data={
                "apikey": account.api_key,
                "userid": account.user_id,
                "mid": asked.message_id,
                "page": "1",
                # One more than there can be, so that others are seen.
                "limit": "2",
            },
        )
        response = exchange(self._client, request)
        if response.status_code != httpx.codes.OK:
            raise refused_by_status(_NAME, response)
        reply = read_look_up(response, _DetailReply)
        if reply.code != 0:
            code = str(reply.code)
            raise refusal(_NAME, code, ALIGO_CODES.class_of(code), f"its history answers {code}")
        if len(reply.recipients) > 1:
            raise excludes_nothing(f"{len(reply.recipients)} messages have its id")
        return Answer([_result(asked.message_id, listed) for listed in reply.recipients])


def _decoration(message: AlimtalkMessage) -> dict[str, str]:
    decoration: dict[str, str] = {}
    if message.title is not None:
        decoration["emtitle_1"] = message.title
    if message.buttons:
        buttons = [
            {
                "name": button.name,
                "linkType": button.kind.value,
                "linkMo": button.mobile_link or "",
                "linkPc": button.desktop_link or "",
                "linkIos": button.ios_link or "",
                "linkAnd": button.android_link or "",
            }
            for button in message.buttons
        ]
        decoration["button_1"] = json.dumps({"button": buttons}, ensure_ascii=False)
    return decoration


def _result(message_id: str, listed: _Listed) -> ProviderResult:
    code = "" if listed.result is None else str(listed.result)
    if not (code and (_is_past(listed.result_date) or _is_past(listed.report_date))):
        return ProviderResult(message_id, None, ResultState.ACCEPTED, None)
    state = ResultState.DELIVERED if code == _DELIVERED else ALIGO_CODES.state_of(code)
    return ProviderResult(message_id, None, state, code)


def _is_past(date: str | None) -> bool:
    # Its database writes zeros for none.
    return bool(date) and any(digit in "123456789" for digit in str(date))


def _accepted_id(response: httpx.Response) -> str:
    reply = read_reply(response, _SendReply)
    if reply.code != 0:
        code = str(reply.code)
        raise refusal(_NAME, code, ALIGO_CODES.class_of(code), excerpt(response))
    match reply.info:
        case _Info(accepted=1, refused=0):
            return str(reply.info.message_id)
        case _Info(accepted=0, refused=1):
            raise DeliveryRejected(FailureReason.REJECTED, f"{_NAME} refused the number: {excerpt(response)}")
    raise malformed(response)
