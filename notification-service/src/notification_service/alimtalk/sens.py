"""Naver Cloud SENS, alimtalk API v2."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, Field, StringConstraints

from notification_service.alimtalk.batches import only
from notification_service.alimtalk.look_up_period import current_period
from notification_service.alimtalk.refusals import refused_by_status
from notification_service.alimtalk.replies import (
    Code,
    MessageId,
    excludes_nothing,
    malformed,
    read_look_up,
    read_reply,
)
from notification_service.alimtalk.sens_sending import ACCEPTED, NAME, SensSending
from notification_service.application.ports import MaySend
from notification_service.domain.alimtalk_codes import SENS_CODES
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import Answer, ProviderResult, ResultState
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.http_client import exchange
from servicekit.outbound.bounded_transport import INCOMPLETE, LONGEST_REPLY_BYTES

_TIME = "%Y-%m-%d %H:%M:%S"
_DELIVERED = "0000"
_PAGE = 50
_MOST_PAGES = 20
# A listed message with its text is shorter than 10 KB.
_PAGE_BYTES = 512 * 1024


class _Listed(BaseModel):
    message_id: MessageId = Field(alias="messageId")
    to: str | None = None
    content: str | None = None


class _Stored(BaseModel):
    message_id: MessageId = Field(alias="messageId")
    request_code: Code = Field(alias="requestStatusCode")
    message_code: Code | None = Field(default=None, alias="messageStatusCode")


class _ListReply(BaseModel):
    messages: list[_Listed]
    next_token: Annotated[str, StringConstraints(strict=True, max_length=500)] | None = Field(
        default=None, alias="nextToken"
    )


# Without repr: it would show the secrets.
@dataclass(frozen=True, slots=True, repr=False)
class SensAccount:
    """``channel_id`` is SENS's plusFriendId."""

    access_key: str
    secret_key: str
    service_id: str
    channel_id: str


class SensAlimtalkProvider:
    """Sends a message alone, or several in a request. Each has an id of its own.

    SENS has no field for our reference, so an earlier message is looked up by its recipient and its whole
    text, or the one that a former release may have sent instead. They hold the order's number: a second event
    of one order counts as sent. Not excluded: two messages, if a look-up doesn't show the first one although
    ``processing_seconds`` have passed.
    """

    name = "sens"
    can_look_up = True
    accepts_finally = False
    keeps_unsent = False
    # SENS finds messages by their ids, one by one.
    results_at_once = 1

    def __init__(self, client: httpx.Client, account: SensAccount, base_url: str) -> None:
        self._client = client
        self._account = account
        service_id = quote(account.service_id, safe=":")
        self._messages_url = f"{base_url.rstrip('/')}/alimtalk/v2/services/{service_id}/messages"
        self.batches = SensSending(self._post, account.channel_id)

    def find(self, message: AlimtalkMessage) -> str | None:
        texts = {message.template_code: message.content, **message.other_texts}
        found = (
            self._find(replace(message, template_code=code, content=text)) for code, text in texts.items()
        )
        # All of them, unless one is found: which one was sent isn't recorded.
        return next((message_id for message_id in found if message_id is not None), None)

    def _find(self, message: AlimtalkMessage) -> str | None:
        """The same for one text."""
        next_token = None
        for _ in range(_MOST_PAGES):
            response = self._get(self._look_up_url(message, next_token), _PAGE_BYTES)
            if response is None:
                return None
            reply = read_look_up(response, _ListReply)
            found = _with_text(reply.messages, message)
            if found is not None or reply.next_token is None:
                return found
            next_token = reply.next_token
        raise excludes_nothing(f"the recipient has got more than {_MOST_PAGES * _PAGE} messages")

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        return only(self.batches.send([message], may_send))

    def _post(self, body: Mapping[str, object], may_send: MaySend) -> httpx.Response:
        request = self._client.build_request("POST", self._messages_url, json=body)
        return exchange(self._client, self._signed(request), may_send)

    def asked_together(self, awaited: AwaitedResult) -> str:
        return awaited.message_id

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        (asked,) = awaited
        response = self._get(f"{self._messages_url}/{quote(asked.message_id, safe='')}")
        if response is None:
            return Answer([])
        stored = read_reply(response, _Stored)
        if stored.message_id != asked.message_id:
            raise malformed(response)
        return Answer([_result(stored)])

    def _get(self, url: str, longest_bytes: int = LONGEST_REPLY_BYTES) -> httpx.Response | None:
        """None if SENS says that it has nothing."""
        request = self._signed(self._client.build_request("GET", url))
        response = exchange(self._client, request, longest_reply_bytes=longest_bytes)
        if _says_nothing_found(response):
            return None
        if response.status_code != httpx.codes.OK:
            raise refused_by_status(NAME, response)
        return response

    def _look_up_url(self, message: AlimtalkMessage, next_token: str | None) -> str:
        period = current_period(message.ordered_at)
        parameters = {
            "plusFriendId": self._account.channel_id,
            "templateCode": message.template_code,
            "to": message.recipient_number,
            "requestStartTime": period.start.strftime(_TIME),
            "requestEndTime": period.end.strftime(_TIME),
            "pageSize": str(_PAGE),
        }
        if next_token is not None:
            parameters["nextToken"] = next_token
        # Blanks as %20: a plus sign may count as itself when the signature is checked.
        return f"{self._messages_url}?{urlencode(parameters, quote_via=quote)}"

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


def sens_signature(secret_key: str, method: str, path: str, timestamp: str, access_key: str) -> str:
    """The header x-ncp-apigw-signature-v2. ``timestamp`` counts milliseconds since 1970."""
    signed = f"{method} {path}\n{timestamp}\n{access_key}"
    digest = hmac.new(secret_key.encode(), signed.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _with_text(page: Sequence[_Listed], message: AlimtalkMessage) -> str | None:
    """The id of the message that this page of a list has; None if it surely has none."""
    to_recipient = [listed for listed in page if listed.to == message.recipient_number]
    for listed in to_recipient:
        is_same = listed.content is not None and _words(listed.content) == _words(message.content)
        if is_same and listed.message_id not in message.failed_ids:
            return listed.message_id
    if len(to_recipient) < len(page) or any(listed.content is None for listed in to_recipient):
        raise excludes_nothing("it returned other messages, or messages without their text")
    return None


def _result(message: _Stored) -> ProviderResult:
    code = message.message_code or ""
    if message.request_code != ACCEPTED:
        code = message.request_code
        state = SENS_CODES.state_of(code)
    elif not code:
        state = ResultState.ACCEPTED
    else:
        state = ResultState.DELIVERED if code == _DELIVERED else SENS_CODES.state_of(code)
    return ProviderResult(message.message_id, None, state, code)


def _says_nothing_found(response: httpx.Response) -> bool:
    # The 404 of a wrong URL has a body, perhaps one that didn't arrive.
    is_empty = not response.content and INCOMPLETE not in response.extensions
    return response.status_code == httpx.codes.NOT_FOUND and is_empty


def _words(text: str) -> list[str]:
    # SENS may return other line ends than it was sent.
    return text.split()
