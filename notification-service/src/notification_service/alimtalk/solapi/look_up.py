"""Finding the message of an earlier attempt: sent, or ready to be sent."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

import httpx

from notification_service.alimtalk.look_up_period import current_period
from notification_service.alimtalk.replies import excludes_nothing, read_look_up, read_reply
from notification_service.alimtalk.solapi.replies import (
    DELETED,
    PENDING,
    REGISTERED,
    Group,
    ListReply,
    StoredMessage,
)
from notification_service.alimtalk.solapi.requests import SolapiRequests, in_utc
from notification_service.domain.alimtalk_message import AlimtalkMessage

_REFUSED_AT_REGISTRATION = "1"
_PAGE = 100
_MOST_PAGES = 20
# An attempt looks twice: a number with many messages must leave it time to send.
_LOOK_UP_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class GroupedMessage:
    """A message and its group."""

    message_id: str
    group_id: str
    is_only_registered: bool
    """Its status is that of a message that waits in its group."""
    is_in_batch: bool
    """Its group has messages of other orders."""


class Fate(Enum):
    """What became of a message in its group."""

    WAITS = auto()
    """It is sent with its group, if that is sent."""
    WAS_SENT = auto()
    STAYS_UNSENT = auto()
    """It never left its group, and never will."""


class SolapiLookUp:
    """Looks messages up by the recipient's number and our reference."""

    def __init__(self, requests: SolapiRequests) -> None:
        self._requests = requests

    def __call__(self, message: AlimtalkMessage) -> tuple[str | None, GroupedMessage | None]:
        """The id of the message if it was sent; and if not, one that waits in a group."""
        pending = None
        for grouped in self._stored(message):
            if grouped.message_id in message.failed_ids:
                continue
            match self.fate_of(grouped):
                case Fate.WAITS:
                    pending = grouped
                case Fate.WAS_SENT:
                    return grouped.message_id, None
        return None, pending

    def fate_of(self, grouped: GroupedMessage) -> Fate:
        """By what its group is now."""
        group = read_reply(self._requests.group(grouped.group_id), Group)
        if group.status == PENDING:
            return Fate.WAITS
        if group.status in {"SENDING", "COMPLETE", "SCHEDULED"} or (
            group.status == DELETED and group.was_sent
        ):
            return Fate.WAS_SENT
        if group.status in {DELETED, "FAILED"}:
            return Fate.STAYS_UNSENT if self._is_still_in_group(grouped) else Fate.WAS_SENT
        raise excludes_nothing(f"its group's status is {group.status}")

    def _is_still_in_group(self, grouped: GroupedMessage) -> bool:
        """Whether a message is in its group, which has ended; it may have left it since it was listed."""
        if not grouped.is_only_registered:
            return False
        response = self._requests.list_messages({"messageIds[]": [grouped.message_id]})
        stored = read_look_up(response, ListReply).messages.get(grouped.message_id)
        if stored is None:
            raise excludes_nothing("its group has ended, and it isn't listed any more")
        return stored.status_code == REGISTERED

    def _stored(self, message: AlimtalkMessage) -> Sequence[GroupedMessage]:
        """All messages with this reference."""
        start_key, found, ends_at = None, list[GroupedMessage](), time.monotonic() + _LOOK_UP_SECONDS
        for page in range(_MOST_PAGES):
            if time.monotonic() >= ends_at:
                raise excludes_nothing(f"the first {page} pages of the recipient's messages took too long")
            reply = read_look_up(self._page(message, start_key), ListReply)
            for message_id, stored in reply.messages.items():
                if not _is_ours(stored, message.reference):
                    continue
                if stored.group_id is None:
                    raise excludes_nothing("its group is missing")
                is_only_registered = stored.status_code == REGISTERED
                found.append(
                    GroupedMessage(message_id, stored.group_id, is_only_registered, stored.is_in_batch)
                )
            if reply.next_key is None:
                return found
            start_key = reply.next_key
        raise excludes_nothing(f"the recipient has got more than {_MOST_PAGES * _PAGE} messages")

    def _page(self, message: AlimtalkMessage, start_key: str | None) -> httpx.Response:
        period = current_period(message.ordered_at)
        parameters = {
            "to": message.recipient_number,
            "dateType": "CREATED",
            "startDate": in_utc(period.start),
            "endDate": in_utc(period.end),
            "limit": str(_PAGE),
        }
        if start_key is not None:
            parameters["startKey"] = start_key
        return self._requests.list_messages(parameters)


def _is_ours(stored: StoredMessage, reference: str) -> bool:
    # One that was refused at registration stays in its group, and sending that group would send nothing.
    refused = (stored.status_code or "").startswith(_REFUSED_AT_REGISTRATION)
    return stored.reference == reference and not refused
