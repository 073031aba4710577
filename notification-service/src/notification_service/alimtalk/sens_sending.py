"""SENS's requests that send messages, and what their replies say of each."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial

import httpx
from pydantic import BaseModel, Field

from notification_service.alimtalk.batches import sent_by_key
from notification_service.alimtalk.refusals import refusal, refused_by_status
from notification_service.alimtalk.replies import Code, MessageId, malformed, read_reply
from notification_service.application.ports import MaySend, Sent
from notification_service.domain.alimtalk_codes import SENS_CODES
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.errors import DeliveryFailed, DeliveryRejected
from notification_service.domain.failure_reason import FailureReason
from notification_service.http_client import excerpt

NAME = "SENS"
ACCEPTED = "A000"
"""Taken in, not delivered: a suspended account gets it for messages that never arrive."""


class _Requested(BaseModel):
    to: str | None = None
    message_id: MessageId | None = Field(default=None, alias="messageId")
    status_code: Code = Field(alias="requestStatusCode")


class _SendReply(BaseModel):
    messages: list[_Requested]


class SensSending:
    """Sends messages of one template in one request, which may have one message."""

    # SENS takes 100. The reply repeats each text, and the longest ones fit into what is read of it.
    most = 15

    def __init__(
        self, post: Callable[[Mapping[str, object], MaySend], httpx.Response], channel_id: str
    ) -> None:
        """``post`` signs and sends a body."""
        self._post = post
        self._channel_id = channel_id

    def send(self, messages: Sequence[AlimtalkMessage], may_send: MaySend) -> Sequence[Sent]:
        body = {
            "plusFriendId": self._channel_id,
            "templateCode": messages[0].template_code,
            "messages": [_message(message) for message in messages],
        }
        response = self._post(body, may_send)
        if response.status_code == httpx.codes.BAD_REQUEST:
            detail = f"{NAME} rejected the request: {excerpt(response)}"
            raise DeliveryRejected(FailureReason.REJECTED, detail)
        if response.status_code not in {httpx.codes.OK, httpx.codes.ACCEPTED}:
            raise refused_by_status(NAME, response)
        results = read_reply(response, _SendReply).messages
        # One for each code: it may raise the alarm.
        refused = cache(partial(_refusal, response))
        if len(messages) == 1:
            if len(results) != 1:
                raise malformed(response)
            return [_sent(results[0], refused, response)]
        # By the number, of which a batch has one message: the reply may have them in another order.
        named = ((each.to, _sent(each, refused, response)) for each in results)
        return sent_by_key([message.recipient_number for message in messages], named, response)


def _sent(result: _Requested, refused: Callable[[str], DeliveryFailed], response: httpx.Response) -> Sent:
    if result.status_code != ACCEPTED:
        return refused(result.status_code)
    return result.message_id or malformed(response)


def _refusal(response: httpx.Response, code: str) -> DeliveryFailed:
    return refusal(NAME, code, SENS_CODES.class_of(code), excerpt(response))


def _message(message: AlimtalkMessage) -> Mapping[str, object]:
    return {
        "countryCode": "82",
        "to": message.recipient_number,
        "content": message.content,
        "useSmsFailover": False,
        **_decoration(message),
    }


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
