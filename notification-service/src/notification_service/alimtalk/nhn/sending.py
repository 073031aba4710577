"""Requests that send messages, and what their replies say of each."""

from collections.abc import Sequence
from functools import cache, partial

import httpx

from notification_service.alimtalk.batches import sent_by_key
from notification_service.alimtalk.nhn.identifiers import PlaceInBatch, batch_group, group_of
from notification_service.alimtalk.nhn.replies import SendReply, SendResult
from notification_service.alimtalk.nhn.requests import NAME, NhnRequests
from notification_service.alimtalk.refusals import refusal
from notification_service.alimtalk.replies import malformed, read_reply
from notification_service.application.ports import MaySend, Sent
from notification_service.domain.alimtalk_codes import NHN_CODES
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.errors import DeliveryFailed, EarlierRequestArrived
from notification_service.domain.failure_reason import FailureReason
from notification_service.http_client import excerpt

_SUCCESS = 0
_KEY_USED = "-1005"


class NhnSending:
    """Sends messages of one template in one request, which may have one message.

    A message alone has its reference as idempotency key, so that NHN refuses a second request for it. Of a
    batch no second request is made: its messages are repeated alone.
    """

    # The reply has a quarter of a kilobyte for each.
    most = 50

    def __init__(self, requests: NhnRequests) -> None:
        self._requests = requests

    def send(self, messages: Sequence[AlimtalkMessage], may_send: MaySend) -> Sequence[Sent]:
        first, is_alone = messages[0], len(messages) == 1
        group = group_of(first.reference) if is_alone else batch_group(first.reference)
        body = {
            "templateCode": first.template_code,
            "senderGroupingKey": group,
            "recipientList": [_recipient(message) for message in messages],
        }
        response = self._requests.post(body, _idempotency_key(messages), may_send)
        reply = read_reply(response, SendReply)
        if reply.header.says_success and reply.message is None:
            raise malformed(response)
        return _Outcomes(reply, response, group).of(messages)


class _Outcomes:
    """What a reply says of each message."""

    def __init__(self, reply: SendReply, response: httpx.Response, group: str) -> None:
        self._reply = reply
        self._response = response
        self._group = group
        # One for each code: it raises the alarm.
        self._refused = cache(partial(_refusal, response))

    def of(self, messages: Sequence[AlimtalkMessage]) -> Sequence[Sent]:
        """Raises what holds for all of them."""
        results = self._reply.results
        if results is None:
            raise self._refused(self._reply.header.result_code)
        if len(messages) == 1:
            if len(results) != 1:
                raise malformed(self._response)
            return [self._sent(results[0], self._reply.request_id)]
        # By our reference: the reply may have them in another order.
        references = [message.reference for message in messages]
        named = ((each.reference, self._sent(each, self._id_in_batch(each))) for each in results)
        return sent_by_key(references, named, self._response)

    def _sent(self, result: SendResult, message_id: str | None) -> Sent:
        if result.result_code != _SUCCESS:
            return self._refused(result.result_code)
        if not self._reply.header.says_success:
            return self._refused(self._reply.header.result_code)
        return message_id or malformed(self._response)

    def _id_in_batch(self, result: SendResult) -> str | None:
        """None if it isn't that of this message alone."""
        request_id, number = self._reply.request_id, result.number
        numbers = [each.number for each in self._reply.results or []]
        if request_id is None or number is None or numbers.count(number) > 1:
            return None
        return PlaceInBatch(request_id, number, self._group).message_id


def _recipient(message: AlimtalkMessage) -> dict[str, object]:
    return {
        "recipientNo": message.recipient_number,
        "templateParameter": dict(message.variables),
        # Without it, the console's setting would add an SMS.
        "resendParameter": {"isResend": False},
        "recipientGroupingKey": message.reference,
    }


def _idempotency_key(messages: Sequence[AlimtalkMessage]) -> str:
    """Another one for each time that the message finally failed: NHN would refuse the first one."""
    first, failures = messages[0], len(messages[0].failed_ids)
    if len(messages) > 1:
        return f"{first.reference}-batch"
    return f"{first.reference}-{failures}" if failures else first.reference


def _refusal(response: httpx.Response, number: int) -> DeliveryFailed:
    code = str(number)
    if code == _KEY_USED:
        return EarlierRequestArrived(FailureReason.UNEXPECTED_REPLY, f"{NAME} answered with code {code}")
    return refusal(NAME, code, NHN_CODES.class_of(code), excerpt(response))
