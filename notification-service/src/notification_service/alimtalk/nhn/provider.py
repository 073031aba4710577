"""Sending messages, and finding those that were sent."""

from collections.abc import Sequence

import httpx

from notification_service.alimtalk.look_up_period import current_period
from notification_service.alimtalk.nhn.replies import Found, SearchReply, SendReply, look_up_refusal
from notification_service.alimtalk.nhn.requests import NAME, NhnAccount, NhnRequests
from notification_service.alimtalk.nhn.results import NhnResults, group_of
from notification_service.alimtalk.refusals import refusal
from notification_service.alimtalk.replies import excludes_nothing, malformed, read_look_up, read_reply
from notification_service.application.ports import MaySend
from notification_service.domain.alimtalk_codes import NHN_CODES
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import Answer
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.errors import EarlierRequestArrived
from notification_service.domain.failure_reason import FailureReason
from notification_service.http_client import excerpt

_KEY_USED = "-1005"


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
    batches = None
    results_at_once = 200

    def __init__(self, client: httpx.Client, account: NhnAccount, base_url: str) -> None:
        self._requests = NhnRequests(client, account, base_url)
        self._results = NhnResults(self._requests)

    def find(self, message: AlimtalkMessage) -> str | None:
        response = self._requests.search(
            current_period(), recipientGroupingKey=message.reference, pageSize="15"
        )
        reply = read_look_up(response, SearchReply)
        if not reply.header.says_success:
            raise look_up_refusal(reply.header, response)
        if reply.found is None:
            raise excludes_nothing("its reply is malformed")
        return _with_reference(reply.found, message)

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        body = {
            "templateCode": message.template_code,
            "senderGroupingKey": group_of(message.reference),
            "recipientList": [
                {
                    "recipientNo": message.recipient_number,
                    "templateParameter": dict(message.variables),
                    # Without it, the console's setting would add an SMS.
                    "resendParameter": {"isResend": False},
                    "recipientGroupingKey": message.reference,
                }
            ],
        }
        return _accepted_id(self._requests.post(body, _idempotency_key(message), may_send))

    def asked_together(self, awaited: AwaitedResult) -> str:
        return group_of(awaited.reference)

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        return self._results(awaited)


def _idempotency_key(message: AlimtalkMessage) -> str:
    """Another one for each time that the message finally failed: NHN would refuse the first one."""
    failures = len(message.failed_ids)
    return f"{message.reference}-{failures}" if failures else message.reference


def _accepted_id(response: httpx.Response) -> str:
    reply = read_reply(response, SendReply)
    sent = reply.message
    if reply.header.says_success and (sent is None or len(sent.send_results) != 1):
        raise malformed(response)
    if not reply.header.says_success or reply.code != 0:
        code = str(reply.code)
        if code == _KEY_USED:
            raise EarlierRequestArrived(FailureReason.UNEXPECTED_REPLY, f"{NAME} answered with code {code}")
        raise refusal(NAME, code, NHN_CODES.class_of(code), excerpt(response))
    if sent is None or sent.request_id is None:
        raise malformed(response)
    return sent.request_id


def _with_reference(found: Found, message: AlimtalkMessage) -> str | None:
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
