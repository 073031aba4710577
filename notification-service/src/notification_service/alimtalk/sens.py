"""Naver Cloud SENS, alimtalk API v2."""

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, Field, StringConstraints

from notification_service.alimtalk.look_up_period import current_period
from notification_service.alimtalk.refusals import refusal, refused_by_status
from notification_service.alimtalk.replies import (
    Code,
    MessageId,
    excludes_nothing,
    malformed,
    read_look_up,
    read_reply,
)
from notification_service.application.ports import MaySend
from notification_service.domain.alimtalk_codes import SENS_CODES
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import ProviderResult
from notification_service.domain.errors import DeliveryRejected
from notification_service.domain.failure_reason import FailureReason
from notification_service.http_client import excerpt, exchange
from servicekit.outbound.bounded_transport import INCOMPLETE

_NAME = "SENS"
# Taken in, not delivered: a suspended account gets it for messages that never arrive.
_ACCEPTED = "A000"
_TIME = "%Y-%m-%d %H:%M:%S"
_PAGE = 50


class _Requested(BaseModel):
    message_id: MessageId | None = Field(default=None, alias="messageId")
    status_code: Code = Field(alias="requestStatusCode")


class _SendReply(BaseModel):
    messages: list[_Requested]


class _Listed(BaseModel):
    message_id: MessageId = Field(alias="messageId")
    to: str | None = None
    content: str | None = None


class _ListReply(BaseModel):
    messages: list[_Listed]
    next_token: Annotated[str, StringConstraints(strict=True)] | None = Field(default=None, alias="nextToken")


# Without repr: it would show the secrets.
@dataclass(frozen=True, slots=True, repr=False)
class SensAccount:
    """``channel_id`` is SENS's plusFriendId."""

    access_key: str
    secret_key: str
    service_id: str
    channel_id: str


class SensAlimtalkProvider:
    """Sends each message as a request of its own.

    SENS has no field for our reference, so an earlier message is looked up by its recipient and its whole
    text, which holds the order's number: a second event of one order counts as sent. Not excluded: two
    messages, if a look-up doesn't show the first one although ``processing_seconds`` have passed.
    """

    name = "sens"
    can_look_up = True
    accepts_finally = False

    def __init__(self, client: httpx.Client, account: SensAccount, base_url: str) -> None:
        self._client = client
        self._account = account
        service_id = quote(account.service_id, safe=":")
        self._messages_url = f"{base_url.rstrip('/')}/alimtalk/v2/services/{service_id}/messages"

    def find(self, message: AlimtalkMessage) -> str | None:
        response = exchange(self._client, self._look_up_request(message))
        if _says_nothing_found(response):
            return None
        if response.status_code != httpx.codes.OK:
            raise refused_by_status(_NAME, response)
        reply = read_look_up(response, _ListReply)
        to_recipient = [listed for listed in reply.messages if listed.to == message.recipient_number]
        for listed in to_recipient:
            if listed.content is not None and _words(listed.content) == _words(message.content):
                return listed.message_id
        is_complete = reply.next_token is None and len(to_recipient) == len(reply.messages)
        if not is_complete or any(listed.content is None for listed in to_recipient):
            raise excludes_nothing("it returned other messages, or messages without their text")
        return None

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        request = self._client.build_request(
            "POST",
            self._messages_url,
            json={
                "plusFriendId": self._account.channel_id,
                "templateCode": message.template_code,
                "messages": [
                    {
                        "countryCode": "82",
                        "to": message.recipient_number,
                        "content": message.content,
                        "useSmsFailover": False,
                        **_decoration(message),
                    }
                ],
            },
        )
        response = exchange(self._client, self._signed(request), may_send)
        if response.status_code == httpx.codes.BAD_REQUEST:
            detail = f"{_NAME} rejected the message: {excerpt(response)}"
            raise DeliveryRejected(FailureReason.REJECTED, detail)
        if response.status_code not in {httpx.codes.OK, httpx.codes.ACCEPTED}:
            raise refused_by_status(_NAME, response)
        return _accepted_id(response)

    def result(self, message_id: str) -> ProviderResult | None:
        """None: results are not asked for yet. What SENS accepts is never reported as delivered."""
        return None

    def _look_up_request(self, message: AlimtalkMessage) -> httpx.Request:
        period = current_period()
        parameters = {
            "plusFriendId": self._account.channel_id,
            "templateCode": message.template_code,
            "to": message.recipient_number,
            "requestStartTime": period.start.strftime(_TIME),
            "requestEndTime": period.end.strftime(_TIME),
            "pageSize": str(_PAGE),
        }
        # Blanks as %20: a plus sign may count as itself when the signature is checked.
        url = f"{self._messages_url}?{urlencode(parameters, quote_via=quote)}"
        return self._signed(self._client.build_request("GET", url))

    def _signed(self, request: httpx.Request) -> httpx.Request:
        timestamp = str(time.time_ns() // 1_000_000)
        # The path as it is sent: with the base URL's prefix, encoded, and with the query.
        path = request.url.raw_path.decode("ascii")
        account = self._account
        request.headers["x-ncp-apigw-timestamp"] = timestamp
        request.headers["x-ncp-iam-access-key"] = account.access_key
        request.headers["x-ncp-apigw-signature-v2"] = sens_signature(
            account.secret_key, request.method, path, timestamp, account.access_key
        )
        return request


def _decoration(message: AlimtalkMessage) -> dict[str, object]:
    decoration: dict[str, object] = {}
    if message.title is not None:
        decoration["title"] = message.title
    if message.buttons:
        decoration["buttons"] = [
            _without_none(
                type=button.kind.value,
                name=button.name,
                linkMobile=button.mobile_link,
                linkPc=button.desktop_link,
                schemeIos=button.ios_link,
                schemeAndroid=button.android_link,
            )
            for button in message.buttons
        ]
    return decoration


def _without_none(**fields: str | None) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value is not None}


def sens_signature(secret_key: str, method: str, path: str, timestamp: str, access_key: str) -> str:
    """The header x-ncp-apigw-signature-v2. ``timestamp`` counts milliseconds since 1970."""
    signed = f"{method} {path}\n{timestamp}\n{access_key}"
    digest = hmac.new(secret_key.encode(), signed.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _accepted_id(response: httpx.Response) -> str:
    messages = read_reply(response, _SendReply).messages
    if len(messages) != 1:
        raise malformed(response)
    code = messages[0].status_code
    if code != _ACCEPTED:
        raise refusal(_NAME, code, SENS_CODES.class_of(code), excerpt(response))
    if messages[0].message_id is None:
        raise malformed(response)
    return messages[0].message_id


def _says_nothing_found(response: httpx.Response) -> bool:
    # The 404 of a wrong URL has a body, perhaps one that didn't arrive.
    is_empty = not response.content and INCOMPLETE not in response.extensions
    return response.status_code == httpx.codes.NOT_FOUND and is_empty


def _words(text: str) -> list[str]:
    # SENS may return other line ends than it was sent.
    return text.split()
