"""Groups of messages: made, filled, sent."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache

import httpx

from notification_service.alimtalk.refusals import refusal, refused_by_status
from notification_service.alimtalk.replies import malformed, read_reply
from notification_service.alimtalk.solapi.replies import (
    BATCH,
    PENDING,
    REFERENCE,
    REGISTERED,
    Group,
    Registered,
    RegisterReply,
)
from notification_service.alimtalk.solapi.requests import NAME, SolapiAccount, SolapiRequests
from notification_service.application.ports import MaySend, Sent
from notification_service.domain.alimtalk_codes import SOLAPI_CODES
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.errors import (
    DeliveryFailed,
    NotSent,
    OutcomeUnknown,
    ReceiverUnavailable,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.http_client import excerpt

_SURELY_NOT_SENT = {
    httpx.codes.UNAUTHORIZED,
    httpx.codes.PAYMENT_REQUIRED,
    httpx.codes.FORBIDDEN,
    httpx.codes.NOT_FOUND,
}


@dataclass(frozen=True, slots=True)
class _FilledGroup:
    """A group that was not sent, and what became of each message that was to be put into it."""

    group_id: str
    registered: Sequence[Sent]


class SolapiGroups:
    """Puts messages into a new group, and sends it: only that reaches the recipients.

    The messages of a group that has several say so: a later attempt at one of them must not send the others.
    """

    # The reply has half a kilobyte for each.
    most = 50

    def __init__(self, requests: SolapiRequests, account: SolapiAccount) -> None:
        self._requests = requests
        self._account = account

    def send(self, messages: Sequence[AlimtalkMessage], may_send: MaySend) -> Sequence[Sent]:
        with nothing_sent():
            group = self._fill(messages, may_send)
        if all(isinstance(each, DeliveryFailed) for each in group.registered):
            return group.registered
        try:
            self.send_group(group.group_id, may_send)
        except NotSent:
            # An attempt that wasn't made is made later without a look-up, and would leave this group there.
            with suppress(DeliveryFailed):
                self._requests.delete_group(group.group_id)
            raise
        except DeliveryFailed as failure:
            return [each if isinstance(each, DeliveryFailed) else failure for each in group.registered]
        return group.registered

    def send_group(self, group_id: str, may_send: MaySend) -> None:
        """Send a group that is PENDING."""
        response = self._requests.send_group(group_id, may_send)
        if response.status_code in _SURELY_NOT_SENT:
            raise refused_by_status(NAME, response)
        if response.status_code != httpx.codes.OK:
            # Perhaps since the group was sent before: the next look-up tells.
            detail = f"the group was not sent: {response.status_code} {excerpt(response)}"
            raise OutcomeUnknown(FailureReason.UNEXPECTED_REPLY, detail)
        if read_reply(response, Group).group_id != group_id:
            raise malformed(response)

    def _fill(self, messages: Sequence[AlimtalkMessage], may_send: MaySend) -> _FilledGroup:
        size = len(messages)
        body = {"allowDuplicates": False, "customFields": _custom_fields(messages[0], size)}
        response = self._requests.make_group(body, may_send)
        group = read_reply(response, Group)
        if group.status != PENDING:
            raise malformed(response)
        filling = {"messages": [self._message(message, size) for message in messages]}
        response = self._requests.fill_group(group.group_id, filling, may_send)
        results = read_reply(response, RegisterReply).results
        if len(results) != size:
            raise malformed(response)
        # One for each code: it raises the alarm.
        refused = cache(lambda code: refusal(NAME, code, SOLAPI_CODES.class_of(code), excerpt(response)))
        registered: list[Sent] = []
        for message in messages:
            result = _result_of(message, results, response)
            sent = result.message_id if result.status_code == REGISTERED else refused(result.status_code)
            # Whether it would be sent with the group isn't known: then none is.
            if sent is None or isinstance(sent, OutcomeUnknown):
                raise sent or malformed(response)
            registered.append(sent)
        return _FilledGroup(group.group_id, registered)

    def _message(self, message: AlimtalkMessage, size: int) -> Mapping[str, object]:
        common = {
            "to": message.recipient_number,
            "from": self._account.sender_number,
            "country": "82",
            "customFields": _custom_fields(message, size),
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


@contextmanager
def nothing_sent() -> Iterator[None]:
    """Turns OutcomeUnknown into ReceiverUnavailable: until its group is sent, a message reaches nobody."""
    try:
        yield
    except OutcomeUnknown as error:
        raise ReceiverUnavailable(error.reason, str(error)) from error


def _custom_fields(message: AlimtalkMessage, size: int) -> Mapping[str, str]:
    fields = {REFERENCE: message.reference}
    return fields if size == 1 else {**fields, BATCH: str(size)}


def _result_of(
    message: AlimtalkMessage, results: Sequence[Registered], response: httpx.Response
) -> Registered:
    """By its number, of which a group has one message."""
    found = (
        results if len(results) == 1 else [each for each in results if each.to == message.recipient_number]
    )
    if len(found) != 1:
        raise malformed(response)
    return found[0]
