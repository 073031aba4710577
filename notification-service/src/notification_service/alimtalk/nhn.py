"""NHN Cloud KakaoTalk Bizmessage, API v2.3."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlencode

import httpx
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter

from notification_service.alimtalk.look_up_period import LookUpPeriod, current_period
from notification_service.alimtalk.refusals import refusal, refused_by_status, refused_look_up
from notification_service.alimtalk.replies import (
    Code,
    MessageId,
    NumericCode,
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
from notification_service.domain.alimtalk_codes import NHN_CODES
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import Answer, ProviderResult, ReportedResults, ResultState
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.errors import DeliveryFailed
from notification_service.http_client import excerpt, exchange
from servicekit.fields import Storable
from servicekit.outbound.bounded_transport import LONGEST_REPLY_BYTES

_NAME = "NHN"
_ALL_RECIPIENTS_FAILED = -1031
_RESULT_EVENT = "MESSAGE_RESULT_UPDATE"
_DELIVERED = ("1000", "MRC01")
_DATE = "%Y-%m-%d %H:%M"
_PAGE = 500
_MOST_PAGES = 10
_MOST_SINGLE = 10
# A message with its text and its variables is shorter than 4 KB.
_PAGE_BYTES = 2 * 1024 * 1024
# Of a reference, which begins with its time: events of the same quarter of a second have it in common.
_GROUP_CHARACTERS = 11

_Reference = Annotated[str, StringConstraints(strict=True, max_length=100), Storable]


class _Header(BaseModel):
    result_code: NumericCode = Field(alias="resultCode")
    is_successful: bool = Field(alias="isSuccessful", strict=True)

    @property
    def says_success(self) -> bool:
        return self.is_successful and self.result_code == 0


class _SendResult(BaseModel):
    result_code: NumericCode = Field(alias="resultCode")


class _SentMessage(BaseModel):
    request_id: MessageId | None = Field(default=None, alias="requestId")
    send_results: list[_SendResult] = Field(alias="sendResults")


class _SendReply(BaseModel):
    header: _Header
    message: _SentMessage | None = None

    @property
    def code(self) -> int:
        """The recipient's code if there is one, else the header's: a header says little of a recipient."""
        results = self.message.send_results if self.message else []
        failed = [result.result_code for result in results if result.result_code != 0]
        if failed and (self.header.says_success or self.header.result_code == _ALL_RECIPIENTS_FAILED):
            return failed[0]
        return self.header.result_code


class _Report(BaseModel):
    request_id: MessageId = Field(alias="requestId")
    recipient_grouping_key: _Reference | None = Field(default=None, alias="recipientGroupingKey")
    result_code: Code | None = Field(default=None, alias="resultCode")


class _StoredMessage(_Report):
    message_status: Code | None = Field(default=None, alias="messageStatus")
    resend_status: Code | None = Field(default=None, alias="resendStatus")


class _Found(BaseModel):
    messages: list[_StoredMessage]
    total_count: Annotated[int, Field(strict=True, ge=0)] | None = Field(default=None, alias="totalCount")


class _SearchReply(BaseModel):
    header: _Header
    found: _Found | None = Field(default=None, alias="messageSearchResultResponse")


class _Listed(BaseModel):
    messages: list[object]
    total_count: int | None = Field(default=None, alias="totalCount", strict=True)


class _ListReply(BaseModel):
    header: _Header
    found: _Listed | None = Field(default=None, alias="messageSearchResultResponse")


class _Hook(_Report):
    hook_id: MessageId = Field(alias="hookId")
    message_type: Code | None = Field(default=None, alias="kakaoMessageType")


class _Event(BaseModel):
    event: Code


class _Hooks(BaseModel):
    hooks: list[object]


_event, _hooks, _hook = TypeAdapter(_Event), TypeAdapter(_Hooks), TypeAdapter(_Hook)
_stored = TypeAdapter(_StoredMessage)


# Without repr: it would show the secrets.
@dataclass(frozen=True, slots=True, repr=False)
class NhnAccount:
    """``secret_key`` is X-Secret-Key of the console, ``sender_key`` the sender profile's."""

    app_key: str
    secret_key: str
    sender_key: str


class NhnAlimtalkProvider:
    """Sends each message as a request of its own, whose id is the message's.

    Its idempotency key and the recipient's grouping key are the reference. The sender's grouping key is the
    reference's beginning, which messages of about the same time have in common: a list of such a group has
    the results of them all.

    NHN refuses a key that it has seen within 10 minutes, whatever became of the first request: the outcome is
    then unknown, and a look-up by the grouping key tells. Not excluded: two messages, if a look-up doesn't
    show the first one 10 minutes after it was sent.
    """

    name = "nhn"
    can_look_up = True
    accepts_finally = False
    keeps_unsent = False
    results_at_once = 200

    def __init__(self, client: httpx.Client, account: NhnAccount, base_url: str) -> None:
        self._client = client
        self._account = account
        app_key = quote(account.app_key, safe="")
        self._messages_url = f"{base_url.rstrip('/')}/alimtalk/v2.3/appkeys/{app_key}/messages"

    def find(self, message: AlimtalkMessage) -> str | None:
        response = self._search(current_period(), recipientGroupingKey=message.reference, pageSize="15")
        reply = read_look_up(response, _SearchReply)
        if not reply.header.says_success:
            raise _refused_look_up(reply.header.result_code, response)
        if reply.found is None:
            raise excludes_nothing("its reply is malformed")
        return _with_reference(reply.found, message)

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        request = self._client.build_request(
            "POST",
            self._messages_url,
            headers={**self._headers(), "X-NC-API-IDEMPOTENCY-KEY": _idempotency_key(message)},
            json={
                "senderKey": self._account.sender_key,
                "templateCode": message.template_code,
                "senderGroupingKey": _group(message.reference),
                "recipientList": [
                    {
                        "recipientNo": message.recipient_number,
                        "templateParameter": dict(message.variables),
                        # Without it, the console's setting would add an SMS.
                        "resendParameter": {"isResend": False},
                        "recipientGroupingKey": message.reference,
                    }
                ],
            },
        )
        response = exchange(self._client, request, may_send)
        if response.status_code != httpx.codes.OK:
            raise refused_by_status(_NAME, response)
        reply = read_reply(response, _SendReply)
        sent = reply.message
        if reply.header.says_success and (sent is None or len(sent.send_results) != 1):
            raise malformed(response)
        if not reply.header.says_success or reply.code != 0:
            code = str(reply.code)
            raise refusal(_NAME, code, NHN_CODES.class_of(code), excerpt(response))
        if sent is None or sent.request_id is None:
            raise malformed(response)
        return sent.request_id

    def asked_together(self, awaited: AwaitedResult) -> str:
        return _group(awaited.reference)

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        """From the list of their group. What isn't there is asked for one by one.

        That is what a former release sent, which grouped by the whole reference. At random if they are many,
        so that those which NHN has no longer don't hide the others.
        """
        missing, results = {each.message_id for each in awaited}, list[ProviderResult]()
        try:
            self._read_group(_group(awaited[0].reference), missing, results)
            for message_id in random.sample(sorted(missing), min(len(missing), _MOST_SINGLE)):
                results += self._single(message_id)
                missing.remove(message_id)
        except DeliveryFailed:
            if not results:
                raise
        return Answer(results, frozenset(missing))

    def _read_group(self, group: str, missing: set[str], results: list[ProviderResult]) -> None:
        """Move what is listed from ``missing`` to ``results``, page by page until all is there."""
        # The longest period: when a message was sent isn't known, only when a reply or a look-up said so.
        period, read = current_period(), 0
        for page in range(1, _MOST_PAGES + 1):
            listed = self._page(period, group, page)
            for message in read_entries(listed.messages, _stored)[0]:
                if message.request_id in missing:
                    missing.remove(message.request_id)
                    results.append(_result(message))
            read += len(listed.messages)
            if not missing or not listed.messages or read == listed.total_count:
                return

    def _single(self, message_id: str) -> Iterable[ProviderResult]:
        """The result of a request of ours, which has one recipient; none if NHN doesn't know it."""
        listed = self._listed(self._get({"requestId": message_id}))
        ours = [each for each in read_entries(listed.messages, _stored)[0] if each.request_id == message_id]
        return [_result(message) for message in ours[:1]]

    def _page(self, period: LookUpPeriod, group: str, page: int) -> _Listed:
        response = self._search(
            period, senderGroupingKey=group, pageNum=str(page), pageSize=str(_PAGE), longest_bytes=_PAGE_BYTES
        )
        return self._listed(response)

    def _listed(self, response: httpx.Response) -> _Listed:
        reply = read_list(response, _ListReply)
        if not reply.header.says_success:
            raise _refused_look_up(reply.header.result_code, response)
        if reply.found is None:
            raise excludes_nothing("its reply is malformed")
        return reply.found

    def _search(
        self, period: LookUpPeriod, *, longest_bytes: int = LONGEST_REPLY_BYTES, **parameters: str
    ) -> httpx.Response:
        dates = {
            "startRequestDate": period.start.strftime(_DATE),
            "endRequestDate": period.end.strftime(_DATE),
        }
        return self._get({**dates, **parameters}, longest_bytes)

    def _get(self, parameters: Mapping[str, str], longest_bytes: int = LONGEST_REPLY_BYTES) -> httpx.Response:
        # Blanks as %20, as NHN's guide has them; httpx's own parameters would have a plus sign.
        query = urlencode(parameters, quote_via=quote)
        request = self._client.build_request("GET", f"{self._messages_url}?{query}", headers=self._headers())
        response = exchange(self._client, request, longest_reply_bytes=longest_bytes)
        if response.status_code != httpx.codes.OK:
            raise refused_by_status(_NAME, response)
        return response

    def _headers(self) -> dict[str, str]:
        return {
            "Content-Type": "application/json;charset=UTF-8",
            "X-Secret-Key": self._account.secret_key,
        }


def parse_webhook(body: bytes, signature: str | None, secret: str) -> ReportedResults:
    """The results in a webhook; none if it is about something else. A hook that comes twice counts once.

    ``signature`` is the header X-Toast-Webhook-Signature, which carries the configured ``secret``: it proves
    the sender, not the body. Raises ForgedWebhook or MalformedWebhook.
    """
    check_secret(signature, secret)
    # Events of other kinds, such as those of templates, have other hooks.
    if read_webhook(body, _event).event != _RESULT_EVENT:
        return ReportedResults([])
    hooks, refused = read_entries(read_webhook(body, _hooks).hooks, _hook)
    by_id = {hook.hook_id: hook for hook in hooks if _is_alimtalk(hook)}
    return ReportedResults([_report_result(hook) for hook in by_id.values()], refused)


def _group(reference: str) -> str:
    return reference[:_GROUP_CHARACTERS]


def _idempotency_key(message: AlimtalkMessage) -> str:
    """Another one for each time that the message finally failed: NHN would refuse the first one."""
    failures = len(message.failed_ids)
    return f"{message.reference}-{failures}" if failures else message.reference


def _is_alimtalk(hook: _Hook) -> bool:
    return hook.message_type is None or hook.message_type.startswith("ALIMTALK")


def _refused_look_up(code: int, response: httpx.Response) -> DeliveryFailed:
    return refused_look_up(_NAME, str(code), NHN_CODES.class_of(str(code)), excerpt(response))


def _with_reference(found: _Found, message: AlimtalkMessage) -> str | None:
    ours = [
        stored.request_id for stored in found.messages if stored.recipient_grouping_key == message.reference
    ]
    for request_id in ours:
        if request_id not in message.failed_ids:
            return request_id
    if len(ours) < max(len(found.messages), found.total_count or 0):
        # NHN didn't filter by the key, or has another page: the message may be there.
        raise excludes_nothing("it returned other messages, or not all of them")
    return None


def _result(message: _StoredMessage) -> ProviderResult:
    code = message.result_code or ""
    match message.resend_status, message.message_status:
        case "RSC03", _:
            return _provider_result(message, ResultState.ACCEPTED, by_sms=True)
        case "RSC04", _:
            return _provider_result(message, ResultState.DELIVERED, by_sms=True)
        case "RSC05", _:
            return _provider_result(message, ResultState.FAILED, by_sms=True)
        case _, "COMPLETED" if code in _DELIVERED:
            return _provider_result(message, ResultState.DELIVERED)
        case _, "COMPLETED" | "FAILED":
            return _provider_result(message, NHN_CODES.state_of(code))
        case _, "CANCEL":
            return _provider_result(message, ResultState.FAILED)
    # Neither final nor documented: on its way.
    return _provider_result(message, ResultState.ACCEPTED)


def _report_result(hook: _Hook) -> ProviderResult:
    delivered = hook.result_code in _DELIVERED
    return _provider_result(
        hook, ResultState.DELIVERED if delivered else NHN_CODES.state_of(hook.result_code or "")
    )


def _provider_result(report: _Report, state: ResultState, *, by_sms: bool = False) -> ProviderResult:
    return ProviderResult(
        message_id=report.request_id,
        reference=report.recipient_grouping_key,
        state=state,
        code=report.result_code or "",
        by_sms=by_sms,
    )
