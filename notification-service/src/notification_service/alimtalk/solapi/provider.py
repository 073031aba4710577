"""Sending messages that an earlier attempt may have prepared, and finding those that were sent."""

from collections.abc import Sequence

import httpx

from notification_service.alimtalk.batches import only
from notification_service.alimtalk.refusals import refused_by_status
from notification_service.alimtalk.replies import read_reply
from notification_service.alimtalk.solapi.groups import SolapiGroups, nothing_sent
from notification_service.alimtalk.solapi.look_up import Fate, GroupedMessage, SolapiLookUp
from notification_service.alimtalk.solapi.replies import DELETED, Group
from notification_service.alimtalk.solapi.requests import NAME, SolapiAccount, SolapiRequests
from notification_service.alimtalk.solapi.results import RESULTS_AT_ONCE, SolapiResults
from notification_service.application.ports import MaySend
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import Answer
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.errors import EarlierMessageFound, OutcomeUnknown
from notification_service.domain.failure_reason import FailureReason
from notification_service.http_client import excerpt


class SolapiAlimtalkProvider:
    """Puts messages into groups, and sends the groups.

    Only the sending of the group reaches the recipient, and only a group that is PENDING is sent. Before a
    group is made for one message, one of an earlier attempt is looked up by the recipient's number and our
    reference, and sent instead: so an attempt whose reply was lost is repeated with the same group. If that
    group has messages of other orders, which may be on another way by now, it is deleted, and a new one made
    once SOLAPI says that it was deleted unsent: it may have been sent since it was looked up.
    A group whose message finally failed doesn't count once an operator wants it sent again.

    Not excluded: two messages, if a look-up doesn't show the earlier one although ``processing_seconds`` have
    passed; or if SOLAPI sends a group twice that is still reported as PENDING when it is sent again, or one
    that it says it has deleted; or if it says nothing of having sent it before.
    """

    name = "solapi"
    can_look_up = True
    accepts_finally = False
    keeps_unsent = True
    results_at_once = RESULTS_AT_ONCE

    def __init__(self, client: httpx.Client, account: SolapiAccount, base_url: str) -> None:
        self._requests = SolapiRequests(client, account, base_url)
        self._look_up = SolapiLookUp(self._requests)
        self._results = SolapiResults(self._requests)
        self.batches = SolapiGroups(self._requests, account)

    def find(self, message: AlimtalkMessage) -> str | None:
        accepted, _ = self._look_up(message)
        return accepted

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        with nothing_sent():
            accepted, pending = self._look_up(message)
        if accepted is not None:
            raise EarlierMessageFound(accepted)
        if pending is not None and not pending.is_in_batch:
            self.batches.send_group(pending.group_id, may_send)
            return pending.message_id
        if pending is not None:
            self._delete_group_of(pending)
        return only(self.batches.send([message], may_send))

    def _delete_group_of(self, grouped: GroupedMessage) -> None:
        """Raises unless the message was not sent with its group, nor will be."""
        response = self._requests.delete_group(grouped.group_id)
        if response.status_code == httpx.codes.OK:
            group = read_reply(response, Group)
            if (group.group_id, group.status) != (grouped.group_id, DELETED) or group.was_sent:
                detail = f"the group may have been sent before it was deleted: {excerpt(response)}"
                raise OutcomeUnknown(FailureReason.UNEXPECTED_REPLY, detail)
            return
        # Attempts at its other messages, all due at once, may have been quicker.
        match self._look_up.fate_of(grouped):
            case Fate.WAITS:
                raise refused_by_status(NAME, response)
            case Fate.WAS_SENT:
                raise EarlierMessageFound(grouped.message_id)

    def asked_together(self, awaited: AwaitedResult) -> str:
        return self.name

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        return self._results(awaited)
