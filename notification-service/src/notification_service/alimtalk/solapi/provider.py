"""Sending messages, each in a group of its own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import httpx

from notification_service.alimtalk.refusals import refusal, refused_by_status
from notification_service.alimtalk.replies import malformed, read_reply
from notification_service.alimtalk.solapi.look_up import GroupedMessage, SolapiLookUp
from notification_service.alimtalk.solapi.replies import PENDING, REGISTERED, Group, RegisterReply
from notification_service.alimtalk.solapi.requests import NAME, SolapiAccount, SolapiRequests
from notification_service.alimtalk.solapi.results import RESULTS_AT_ONCE, SolapiResults
from notification_service.application.ports import MaySend
from notification_service.domain.alimtalk_codes import SOLAPI_CODES
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import Answer
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.errors import EarlierMessageFound, OutcomeUnknown, ReceiverUnavailable
from notification_service.domain.failure_reason import FailureReason
from notification_service.http_client import excerpt

_REFERENCE = "reference"
_SURELY_NOT_SENT = {
    httpx.codes.UNAUTHORIZED,
    httpx.codes.PAYMENT_REQUIRED,
    httpx.codes.FORBIDDEN,
    httpx.codes.NOT_FOUND,
}


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
    batches = None
    results_at_once = RESULTS_AT_ONCE

    def __init__(self, client: httpx.Client, account: SolapiAccount, base_url: str) -> None:
        self._account = account
        self._requests = SolapiRequests(client, account, base_url)
        self._look_up = SolapiLookUp(self._requests)
        self._results = SolapiResults(self._requests)

    def find(self, message: AlimtalkMessage) -> str | None:
        accepted, _ = self._look_up(message)
        return accepted

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        with _nothing_sent():
            accepted, pending = self._look_up(message)
            if accepted is not None:
                raise EarlierMessageFound(accepted)
            pending = pending or self._prepare(message, may_send)
        self._send_group(pending, may_send)
        return pending.message_id

    def asked_together(self, awaited: AwaitedResult) -> str:
        return self.name

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        return self._results(awaited)

    def _prepare(self, message: AlimtalkMessage, may_send: MaySend) -> GroupedMessage:
        """A new group with the message in it."""
        fields = {_REFERENCE: message.reference}
        response = self._requests.make_group({"allowDuplicates": False, "customFields": fields}, may_send)
        group = read_reply(response, Group)
        if group.status != PENDING:
            raise malformed(response)
        body = {"messages": [self._message(message, fields)]}
        response = self._requests.fill_group(group.group_id, body, may_send)
        results = read_reply(response, RegisterReply).results
        if len(results) != 1:
            raise malformed(response)
        code = results[0].status_code
        if code != REGISTERED:
            raise refusal(NAME, code, SOLAPI_CODES.class_of(code), excerpt(response))
        if results[0].message_id is None:
            raise malformed(response)
        return GroupedMessage(results[0].message_id, group.group_id, is_only_registered=True)

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

    def _send_group(self, grouped: GroupedMessage, may_send: MaySend) -> None:
        response = self._requests.send_group(grouped.group_id, may_send)
        if response.status_code in _SURELY_NOT_SENT:
            raise refused_by_status(NAME, response)
        if response.status_code != httpx.codes.OK:
            # Perhaps since the group was sent before: the next look-up tells.
            detail = f"the group was not sent: {response.status_code} {excerpt(response)}"
            raise OutcomeUnknown(FailureReason.UNEXPECTED_REPLY, detail)
        if read_reply(response, Group).group_id != grouped.group_id:
            raise malformed(response)


@contextmanager
def _nothing_sent() -> Iterator[None]:
    """Turns OutcomeUnknown into ReceiverUnavailable: until its group is sent, a message reaches nobody."""
    try:
        yield
    except OutcomeUnknown as error:
        raise ReceiverUnavailable(error.reason, str(error)) from error
