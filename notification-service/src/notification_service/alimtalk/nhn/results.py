"""What became of messages: asked, and reported by webhooks."""

import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import httpx
from pydantic import BaseModel, Field, TypeAdapter

from notification_service.alimtalk.look_up_period import LookUpPeriod, current_period
from notification_service.alimtalk.nhn.identifiers import PlaceInBatch, group_of
from notification_service.alimtalk.nhn.replies import (
    Listed,
    ListReply,
    Report,
    StoredMessage,
    look_up_refusal,
)
from notification_service.alimtalk.nhn.requests import NhnRequests
from notification_service.alimtalk.replies import (
    Code,
    MessageId,
    check_secret,
    excludes_nothing,
    read_entries,
    read_list,
    read_webhook,
)
from notification_service.domain.alimtalk_codes import NHN_CODES
from notification_service.domain.alimtalk_results import Answer, ProviderResult, ReportedResults, ResultState
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.errors import DeliveryFailed

_RESULT_EVENT = "MESSAGE_RESULT_UPDATE"
_DELIVERED = ("1000", "MRC01")
_PAGE = 500
_MOST_PAGES = 10
_MOST_SINGLE = 10
# A message with its text and its variables is shorter than 4 KB.
_PAGE_BYTES = 2 * 1024 * 1024


class _Hook(Report):
    hook_id: MessageId = Field(alias="hookId")
    message_type: Code | None = Field(default=None, alias="kakaoMessageType")


class _Event(BaseModel):
    event: Code


class _Hooks(BaseModel):
    hooks: list[object]


_event, _hooks, _hook = TypeAdapter(_Event), TypeAdapter(_Hooks), TypeAdapter(_Hook)
_stored = TypeAdapter(StoredMessage)


class NhnResults:
    """Asks for results."""

    def __init__(self, requests: NhnRequests) -> None:
        self._requests = requests

    def __call__(self, awaited: Sequence[AwaitedResult]) -> Answer:
        """From the list of their group. What isn't there is asked for one by one.

        That is what a former release sent, which grouped by the whole reference. At random if they are many,
        so that those which NHN has no longer don't hide the others.
        """
        references = defaultdict[str, set[str]](set)
        for each in awaited:
            references[each.message_id].add(each.reference)
        missing, results = set(references), list[ProviderResult]()
        place = PlaceInBatch.of(awaited[0].message_id)
        group = group_of(awaited[0].reference) if place is None else place.group
        try:
            self._read_group(group, missing, results)
            for message_id in random.sample(sorted(missing), min(len(missing), _MOST_SINGLE)):
                results += self._single(message_id, references[message_id])
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
                if message.message_id in missing:
                    missing.remove(message.message_id)
                    results.append(_result(message))
            read += len(listed.messages)
            if not missing or not listed.messages or read == listed.total_count:
                return

    def _single(self, message_id: str, references: Collection[str]) -> Iterable[ProviderResult]:
        """The result of one message, from the list of its request; none if NHN doesn't know it.

        A former release, which looks one of a batch up, takes the request's id for the message's. Of such an
        id, each of the awaited references has the result of its own message, and of no other.
        """
        place = PlaceInBatch.of(message_id)
        of_request = {"requestId": message_id if place is None else place.request_id, "pageSize": str(_PAGE)}
        listed = _listed(self._requests.get(of_request, _PAGE_BYTES))
        messages = read_entries(listed.messages, _stored)[0]
        ours = [_result(each) for each in messages if each.message_id == message_id]
        if ours or place is not None:
            return ours[:1]
        of_references = {
            each.recipient_grouping_key: replace(_result(each), message_id=message_id)
            for each in messages
            if each.request_id == message_id and each.recipient_grouping_key in references
        }
        return of_references.values()

    def _page(self, period: LookUpPeriod, group: str, page: int) -> Listed:
        response = self._requests.search(
            period, senderGroupingKey=group, pageNum=str(page), pageSize=str(_PAGE), longest_bytes=_PAGE_BYTES
        )
        return _listed(response)


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


def _listed(response: httpx.Response) -> Listed:
    reply = read_list(response, ListReply)
    if not reply.header.says_success:
        raise look_up_refusal(reply.header, response)
    if reply.found is None:
        raise excludes_nothing("its reply is malformed")
    return reply.found


def _is_alimtalk(hook: _Hook) -> bool:
    return hook.message_type is None or hook.message_type.startswith("ALIMTALK")


def _result(message: StoredMessage) -> ProviderResult:
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


def _provider_result(report: Report, state: ResultState, *, by_sms: bool = False) -> ProviderResult:
    return ProviderResult(
        message_id=report.message_id,
        reference=report.recipient_grouping_key,
        state=state,
        code=report.result_code or "",
        by_sms=by_sms,
    )
