"""Sending messages, and finding those that were sent."""

from collections.abc import Sequence

import httpx

from notification_service.alimtalk.batches import only
from notification_service.alimtalk.look_up_period import current_period
from notification_service.alimtalk.nhn.identifiers import PlaceInBatch, group_of
from notification_service.alimtalk.nhn.replies import Found, SearchReply, look_up_refusal
from notification_service.alimtalk.nhn.requests import NhnAccount, NhnRequests
from notification_service.alimtalk.nhn.results import NhnResults
from notification_service.alimtalk.nhn.sending import NhnSending
from notification_service.alimtalk.replies import excludes_nothing, read_look_up
from notification_service.application.ports import MaySend
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import Answer
from notification_service.domain.awaited_result import AwaitedResult


class NhnAlimtalkProvider:
    """Sends a message alone, or several in a request.

    The recipient's grouping key is the reference, and of a message alone the idempotency key, too. The
    sender's grouping key is the beginning of the first reference, which requests of about the same time have
    in common: a list of such a group has the results of them all.

    NHN refuses a key that it has seen within 10 minutes, whatever became of the first request: the outcome is
    then unknown, and a look-up by the grouping key tells. Not excluded: two messages, if a look-up doesn't
    show the first one 10 minutes after it was sent; if that was in a batch, after ``processing_seconds``.
    """

    name = "nhn"
    can_look_up = True
    accepts_finally = False
    keeps_unsent = False
    results_at_once = 200

    def __init__(self, client: httpx.Client, account: NhnAccount, base_url: str) -> None:
        self._requests = NhnRequests(client, account, base_url)
        self._results = NhnResults(self._requests)
        self.batches = NhnSending(self._requests)

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
        return only(self.batches.send([message], may_send))

    def asked_together(self, awaited: AwaitedResult) -> str:
        place = PlaceInBatch.of(awaited.message_id)
        return group_of(awaited.reference) if place is None else place.group

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        return self._results(awaited)


def _with_reference(found: Found, message: AlimtalkMessage) -> str | None:
    ours = [
        stored.message_id for stored in found.messages if stored.recipient_grouping_key == message.reference
    ]
    for message_id in ours:
        if message_id not in message.failed_ids:
            return message_id
    if len(ours) < max(len(found.messages), found.total_count or 0):
        # NHN didn't filter by the key, or has another page: the message may be there.
        raise excludes_nothing("it returned other messages, or not all of them")
    return None
