"""SOLAPI, message API v4."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter

from notification_service.alimtalk.look_up_period import current_period
from notification_service.alimtalk.refusals import refusal, refused_by_status
from notification_service.alimtalk.replies import (
    Code,
    MessageId,
    check_secret,
    excludes_nothing,
    malformed,
    read_entries,
    read_list,
    read_look_up,
    read_reply,
    read_webhook,
)
from notification_service.application.ports import MaySend
from notification_service.domain.alimtalk_codes import SOLAPI_CODES
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import Answer, ProviderResult, ReportedResults, ResultState
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.errors import OutcomeUnknown, ReceiverUnavailable
from notification_service.domain.failure_reason import FailureReason
from notification_service.http_client import excerpt, exchange
from servicekit.fields import Storable
from servicekit.outbound.bounded_transport import LONGEST_REPLY_BYTES

_NAME = "SOLAPI"
_PENDING = "PENDING"
_REGISTERED = "2000"
_ACCEPTED = ("2000", "3000")
_DELIVERED = "4000"
_REFUSED_AT_REGISTRATION = "1"
_SMS_TYPES = ("SMS", "LMS", "MMS")
_REFERENCE = "reference"
_PAGE = 100
_MOST_PAGES = 20
_MOST_RESULT_PAGES = 3
# An attempt looks twice: a number with many messages must leave it time to send.
_LOOK_UP_SECONDS = 4.0
# A stored message with its text, its variables and its log is shorter than 10 KB.
_PAGE_BYTES = 1024 * 1024
# Their ids stand in the URL, which gateways limit to 4 KB.
_RESULTS_AT_ONCE = 50
_Parameters = Mapping[str, str | Sequence[str]] | None
_SURELY_NOT_SENT = {
    httpx.codes.UNAUTHORIZED,
    httpx.codes.PAYMENT_REQUIRED,
    httpx.codes.FORBIDDEN,
    httpx.codes.NOT_FOUND,
}


class _CustomFields(BaseModel):
    reference: Annotated[str, StringConstraints(strict=True, max_length=100), Storable] | None = None


class _Group(BaseModel):
    group_id: MessageId = Field(alias="groupId")
    status: Code


class _Registered(BaseModel):
    message_id: MessageId | None = Field(default=None, alias="messageId")
    status_code: Code = Field(alias="statusCode")


class _RegisterReply(BaseModel):
    results: list[_Registered] = Field(alias="resultList")


class _StoredMessage(BaseModel):
    message_type: Code | None = Field(default=None, alias="type")
    group_id: MessageId | None = Field(default=None, alias="groupId")
    status_code: Code | None = Field(default=None, alias="statusCode")
    custom_fields: _CustomFields | None = Field(default=None, alias="customFields")

    @property
    def reference(self) -> str | None:
        return self.custom_fields.reference if self.custom_fields else None


class _ListReply(BaseModel):
    messages: dict[MessageId, _StoredMessage] = Field(alias="messageList")
    next_key: MessageId | None = Field(default=None, alias="nextKey")


class _MessageList(BaseModel):
    messages: dict[object, object] = Field(alias="messageList")
    next_key: MessageId | None = Field(default=None, alias="nextKey")


class _ReportedMessage(_StoredMessage):
    message_id: MessageId = Field(alias="messageId")


class _Event(BaseModel):
    event_id: MessageId = Field(alias="eventDataId")
    data: _ReportedMessage


_webhook: TypeAdapter[list[object]] = TypeAdapter(list[object])
_event, _reported = TypeAdapter(_Event), TypeAdapter(_ReportedMessage)


# Without repr: it would show the secrets.
@dataclass(frozen=True, slots=True, repr=False)
class SolapiAccount:
    """``channel_id`` is SOLAPI's pfId; ``template_ids`` are SOLAPI's, by our template codes."""

    api_key: str
    api_secret: str
    channel_id: str
    sender_number: str
    template_ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _GroupedMessage:
    message_id: str
    group_id: str
    is_only_registered: bool
    """Its status is that of a message that waits in its group."""


class SolapiAlimtalkProvider:
    """Puts each message into a group of its own, and sends the group.

    Only the sending of the group reaches the recipient, and only a group that is PENDING is sent. Before a
    group is made, one of an earlier attempt is looked up by the recipient's number and our reference, and
    sent instead: so an attempt whose reply was lost is repeated with the same group. A group whose message
    finally failed doesn't count once an operator wants it sent again.

    Not excluded: two messages, if a look-up doesn't show the earlier one although ``processing_seconds`` have
    passed; or if SOLAPI sends a group twice that is still reported as PENDING when it is sent again.
    """

    name = "solapi"
    can_look_up = True
    accepts_finally = False
    keeps_unsent = True
    results_at_once = _RESULTS_AT_ONCE

    def __init__(self, client: httpx.Client, account: SolapiAccount, base_url: str) -> None:
        self._client = client
        self._account = account
        self._url = f"{base_url.rstrip('/')}/messages/v4"

    def find(self, message: AlimtalkMessage) -> str | None:
        accepted, _ = self._look_up(message)
        return accepted

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        with _nothing_sent():
            accepted, pending = self._look_up(message)
            if accepted is not None:
                return accepted
            pending = pending or self._prepare(message, may_send)
        self._send_group(pending, may_send)
        return pending.message_id

    def asked_together(self, awaited: AwaitedResult) -> str:
        return self.name

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        """From a list of just these messages. What a complete one lacks, SOLAPI doesn't know."""
        ids = sorted({each.message_id for each in awaited})
        listed, is_complete = self._listed(ids)
        if not is_complete and not listed:
            raise excludes_nothing("it returned other messages, or not all of them")
        entries = [_with_id(each, listed[each]) for each in ids if each in listed]
        results = [_result(message) for message in read_entries(entries, _reported)[0]]
        return Answer(results, frozenset() if is_complete else frozenset(ids) - listed.keys())

    def _listed(self, ids: Sequence[str]) -> tuple[Mapping[str, object], bool]:
        """Those of the messages that are in the list, and whether the others surely aren't."""
        listed, others, start_key = dict[str, object](), False, None
        for _ in range(_MOST_RESULT_PAGES):
            parameters = {"messageIds[]": ids, "limit": str(_RESULTS_AT_ONCE)}
            if start_key is not None:
                parameters["startKey"] = start_key
            response = self._exchange("GET", "/list", params=parameters, longest_bytes=_PAGE_BYTES)
            page = read_list(response, _MessageList)
            found = {each: page.messages[each] for each in ids if each in page.messages}
            listed |= found
            # SOLAPI, which then didn't filter by the ids, may have left some out.
            others = others or len(found) < len(page.messages)
            if len(listed) == len(ids) or page.next_key is None:
                return listed, len(listed) == len(ids) or not others
            start_key = page.next_key
        return listed, False

    def _look_up(self, message: AlimtalkMessage) -> tuple[str | None, _GroupedMessage | None]:
        """The id of the message if it was sent; and if not, one that is ready to be sent."""
        pending = None
        for grouped in self._stored(message):
            if grouped.message_id in message.failed_ids:
                continue
            response = self._exchange("GET", f"/groups/{quote(grouped.group_id, safe='')}")
            status = read_reply(response, _Group).status
            if status == _PENDING:
                pending = grouped
            elif status == "DELETED" or (status == "FAILED" and self._is_still_in_group(grouped)):
                # It never left its group, and never will.
                continue
            elif status in {"SENDING", "COMPLETE", "SCHEDULED", "FAILED"}:
                return grouped.message_id, None
            else:
                raise excludes_nothing(f"its group's status is {status}")
        return None, pending

    def _is_still_in_group(self, grouped: _GroupedMessage) -> bool:
        """Whether a message waits in its group, which has failed; it may have left it since it was listed."""
        if not grouped.is_only_registered:
            return False
        ids = [grouped.message_id]
        response = self._exchange("GET", "/list", params={"messageIds[]": ids}, longest_bytes=_PAGE_BYTES)
        stored = read_look_up(response, _ListReply).messages.get(grouped.message_id)
        if stored is None:
            raise excludes_nothing("its group has failed, and it isn't listed any more")
        return stored.status_code == _REGISTERED

    def _stored(self, message: AlimtalkMessage) -> Sequence[_GroupedMessage]:
        """All messages with this reference."""
        start_key, found, ends_at = None, list[_GroupedMessage](), time.monotonic() + _LOOK_UP_SECONDS
        for page in range(_MOST_PAGES):
            if time.monotonic() >= ends_at:
                raise excludes_nothing(f"the first {page} pages of the recipient's messages took too long")
            reply = read_look_up(self._page(message, start_key), _ListReply)
            for message_id, stored in reply.messages.items():
                if not _is_ours(stored, message.reference):
                    continue
                if stored.group_id is None:
                    raise excludes_nothing("its group is missing")
                is_only_registered = stored.status_code == _REGISTERED
                found.append(_GroupedMessage(message_id, stored.group_id, is_only_registered))
            if reply.next_key is None:
                return found
            start_key = reply.next_key
        raise excludes_nothing(f"the recipient has got more than {_MOST_PAGES * _PAGE} messages")

    def _page(self, message: AlimtalkMessage, start_key: str | None) -> httpx.Response:
        period = current_period(message.ordered_at)
        parameters = {
            "to": message.recipient_number,
            "dateType": "CREATED",
            "startDate": _in_utc(period.start),
            "endDate": _in_utc(period.end),
            "limit": str(_PAGE),
        }
        if start_key is not None:
            parameters["startKey"] = start_key
        return self._exchange("GET", "/list", params=parameters, longest_bytes=_PAGE_BYTES)

    def _prepare(self, message: AlimtalkMessage, may_send: MaySend) -> _GroupedMessage:
        """A new group with the message in it."""
        fields = {_REFERENCE: message.reference}
        response = self._exchange(
            "POST", "/groups", may_send, json={"allowDuplicates": False, "customFields": fields}
        )
        group = read_reply(response, _Group)
        if group.status != _PENDING:
            raise malformed(response)
        response = self._exchange(
            "PUT",
            f"/groups/{quote(group.group_id, safe='')}/messages",
            may_send,
            json={"messages": [self._message(message, fields)]},
        )
        results = read_reply(response, _RegisterReply).results
        if len(results) != 1:
            raise malformed(response)
        code = results[0].status_code
        if code != _REGISTERED:
            raise refusal(_NAME, code, SOLAPI_CODES.class_of(code), excerpt(response))
        if results[0].message_id is None:
            raise malformed(response)
        return _GroupedMessage(results[0].message_id, group.group_id, is_only_registered=True)

    def _message(self, message: AlimtalkMessage, fields: Mapping[str, str]) -> Mapping[str, object]:
        common = {
            "to": message.recipient_number,
            "from": self._account.sender_number,
            "country": "82",
            "customFields": fields,
        }
        if message.as_sms:
            # The long kind: a template's text has more than the 90 bytes of the short one.
            return {**common, "type": "LMS", "text": message.content}
        return {
            **common,
            "type": "ATA",
            "kakaoOptions": {
                "pfId": self._account.channel_id,
                "templateId": self._account.template_ids[message.template_code],
                "variables": {f"#{{{name}}}": value for name, value in message.variables.items()},
                # Else SOLAPI sends an SMS to a number without KakaoTalk.
                "disableSms": True,
            },
        }

    def _send_group(self, grouped: _GroupedMessage, may_send: MaySend) -> None:
        # With a body: without one, the request would be complete before ``may_send`` is asked.
        request = self._request("POST", f"/groups/{quote(grouped.group_id, safe='')}/send", json={})
        response = exchange(self._client, request, may_send)
        if response.status_code in _SURELY_NOT_SENT:
            raise refused_by_status(_NAME, response)
        if response.status_code != httpx.codes.OK:
            # Perhaps since the group was sent before: the next look-up tells.
            detail = f"the group was not sent: {response.status_code} {excerpt(response)}"
            raise OutcomeUnknown(FailureReason.UNEXPECTED_REPLY, detail)
        if read_reply(response, _Group).group_id != grouped.group_id:
            raise malformed(response)

    def _exchange(
        self,
        method: str,
        path: str,
        may_send: MaySend | None = None,
        *,
        params: _Parameters = None,
        json: object = None,
        longest_bytes: int = LONGEST_REPLY_BYTES,
    ) -> httpx.Response:
        request = self._request(method, path, params=params, json=json)
        response = exchange(self._client, request, may_send, longest_bytes)
        if response.status_code != httpx.codes.OK:
            raise refused_by_status(_NAME, response)
        return response

    def _request(
        self, method: str, path: str, *, params: _Parameters = None, json: object = None
    ) -> httpx.Request:
        # Of its own for each request: SOLAPI refuses a signature that it has seen.
        authorization = solapi_authorization(
            self._account.api_key, self._account.api_secret, _in_utc(datetime.now(UTC)), secrets.token_hex(16)
        )
        headers = {"Authorization": authorization}
        return self._client.build_request(
            method, f"{self._url}{path}", params=params, json=json, headers=headers
        )


def solapi_authorization(api_key: str, api_secret: str, date: str, salt: str) -> str:
    """The header Authorization. ``date`` is in ISO 8601; ``salt`` is fresh, and has 12 to 64 characters."""
    signature = hmac.new(api_secret.encode(), f"{date}{salt}".encode(), hashlib.sha256).hexdigest()
    return f"HMAC-SHA256 apiKey={api_key}, date={date}, salt={salt}, signature={signature}"


def parse_webhook(body: bytes, token: str | None, secret: str) -> ReportedResults:
    """The results in a webhook. An event that comes twice counts once.

    ``token`` is the query parameter of that name in the webhook's URL, which carries the configured
    ``secret``: SOLAPI documents no header for it. Raises ForgedWebhook or MalformedWebhook.
    """
    check_secret(token, secret)
    entries = read_webhook(body, _webhook)
    events, refused = read_entries(entries, _event)
    by_id = {event.event_id: event.data for event in events}
    return ReportedResults([_result(reported) for reported in by_id.values()], refused)


def _result(message: _ReportedMessage) -> ProviderResult:
    code = message.status_code or ""
    if code == _DELIVERED:
        state = ResultState.DELIVERED
    elif code in _ACCEPTED:
        state = ResultState.ACCEPTED
    else:
        state = SOLAPI_CODES.state_of(code)
    return ProviderResult(
        message.message_id, message.reference, state, code, by_sms=message.message_type in _SMS_TYPES
    )


def _with_id(message_id: str, listed: object) -> object:
    """A member of a list, whose name is its id."""
    return {**listed, "messageId": message_id} if isinstance(listed, dict) else listed


def _is_ours(stored: _StoredMessage, reference: str) -> bool:
    # One that was refused at registration stays in its group, and sending that group would send nothing.
    refused = (stored.status_code or "").startswith(_REFUSED_AT_REGISTRATION)
    return stored.reference == reference and not refused


@contextmanager
def _nothing_sent() -> Iterator[None]:
    """Turns OutcomeUnknown into ReceiverUnavailable: until its group is sent, a message reaches nobody."""
    try:
        yield
    except OutcomeUnknown as error:
        raise ReceiverUnavailable(error.reason, str(error)) from error


def _in_utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
