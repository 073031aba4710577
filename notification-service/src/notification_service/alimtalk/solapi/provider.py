"""Sending messages that an earlier attempt may have prepared, and finding those that were sent."""

from collections.abc import Sequence

import httpx

from notification_service.alimtalk.batches import only
from notification_service.alimtalk.solapi.groups import SolapiGroups, nothing_sent
from notification_service.alimtalk.solapi.look_up import GroupedMessage, SolapiLookUp
from notification_service.alimtalk.solapi.requests import SolapiAccount, SolapiRequests
from notification_service.alimtalk.solapi.results import RESULTS_AT_ONCE, SolapiResults
from notification_service.application.ports import MaySend
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import Answer
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.errors import EarlierMessageFound


class SolapiAlimtalkProvider:
    """Puts messages into groups, and sends the groups.

    Only the sending of the group reaches the recipient, and only a group that is PENDING is sent. Before a
    group is made for one message, one of an earlier attempt is looked up by the recipient's number and our
    reference, and sent instead: so an attempt whose reply was lost is repeated with the same group. If that
    group has messages of other orders, which may be on another way by now, it is deleted, and a new one made.
    A group whose message finally failed doesn't count once an operator wants it sent again.

    Not excluded: two messages, if a look-up doesn't show the earlier one although ``processing_seconds`` have
    passed; or if SOLAPI sends a group twice that is still reported as PENDING when it is sent again, or one
    that it says it has deleted.
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
            pending = self._pending(message)
        if pending is None:
            return only(self.batches.send([message], may_send))
        self.batches.send_group(pending.group_id, may_send)
        return pending.message_id

    def _pending(self, message: AlimtalkMessage) -> GroupedMessage | None:
        """The message where it waits alone in a group. Raises EarlierMessageFound if it was sent."""
        accepted, pending = self._look_up(message)
        if accepted is not None:
            raise EarlierMessageFound(accepted)
        if pending is None or not pending.is_in_batch:
            return pending
        self._requests.delete_group(pending.group_id)
        return None

    def asked_together(self, awaited: AwaitedResult) -> str:
        return self.name

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        return self._results(awaited)
