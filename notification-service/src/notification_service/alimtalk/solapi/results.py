"""What became of messages: asked, and reported by webhooks."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field, TypeAdapter

from notification_service.alimtalk.replies import (
    MessageId,
    check_secret,
    excludes_nothing,
    read_entries,
    read_list,
    read_webhook,
)
from notification_service.alimtalk.solapi.replies import MessageList, StoredMessage
from notification_service.alimtalk.solapi.requests import SolapiRequests
from notification_service.domain.alimtalk_codes import SOLAPI_CODES
from notification_service.domain.alimtalk_results import Answer, ProviderResult, ReportedResults, ResultState
from notification_service.domain.awaited_result import AwaitedResult

RESULTS_AT_ONCE = 50
"""Their ids stand in the URL, which gateways limit to 4 KB."""
_ACCEPTED = ("2000", "3000")
_DELIVERED = "4000"
_SMS_TYPES = ("SMS", "LMS", "MMS")
_MOST_PAGES = 3


class _ReportedMessage(StoredMessage):
    message_id: MessageId = Field(alias="messageId")


class _Event(BaseModel):
    event_id: MessageId = Field(alias="eventDataId")
    data: _ReportedMessage


_webhook: TypeAdapter[list[object]] = TypeAdapter(list[object])
_event, _reported = TypeAdapter(_Event), TypeAdapter(_ReportedMessage)


class SolapiResults:
    """Asks for results."""

    def __init__(self, requests: SolapiRequests) -> None:
        self._requests = requests

    def __call__(self, awaited: Sequence[AwaitedResult]) -> Answer:
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
        for _ in range(_MOST_PAGES):
            parameters = {"messageIds[]": ids, "limit": str(RESULTS_AT_ONCE)}
            if start_key is not None:
                parameters["startKey"] = start_key
            page = read_list(self._requests.list_messages(parameters), MessageList)
            found = {each: page.messages[each] for each in ids if each in page.messages}
            listed |= found
            # SOLAPI, which then didn't filter by the ids, may have left some out.
            others = others or len(found) < len(page.messages)
            if len(listed) == len(ids) or page.next_key is None:
                return listed, len(listed) == len(ids) or not others
            start_key = page.next_key
        return listed, False


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
