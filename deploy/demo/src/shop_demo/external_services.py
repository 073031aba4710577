"""What the external services have on record: alimtalk providers and the monitoring receiver."""

import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from shop_demo.alimtalk_providers import FIRST, OWN
from shop_demo.facts import AlimtalkMessage
from shop_demo.http_client import HttpClient
from shop_demo.sandbox_list import SandboxList

_REPLY_LOST = "timeout_after_accept_next"
_LISTS = {
    "/alimtalk/v1/messages": "messages",
    "/records/provider-messages": "messages",
    "/records/provider-requests": "requests",
    "/webhooks/monitoring": "webhooks",
}


@dataclass(frozen=True, slots=True)
class AlimtalkRecords:
    """The messages of all providers, and the event ids of those that were sent without a reply."""

    messages: tuple[AlimtalkMessage, ...]
    replies_lost: tuple[str, ...]


def provider_messages(client: HttpClient, sandbox: str) -> SandboxList:
    return _lists(client, sandbox)["/records/provider-messages"]


class ExternalServices:
    """What they have received since `from_now`."""

    def __init__(self, lists: Mapping[str, SandboxList], begins: Mapping[str, int]) -> None:
        self._lists = lists
        self._begins = begins

    @classmethod
    async def from_now(cls, client: HttpClient, sandbox: str) -> Self:
        lists = _lists(client, sandbox)
        return cls(lists, {path: await each.end() for path, each in lists.items()})

    async def alimtalk(self) -> AlimtalkRecords:
        messages = [
            AlimtalkMessage(OWN, str(message["reference"]))
            async for message in self._new("/alimtalk/v1/messages")
        ]
        groups: defaultdict[str, list[str]] = defaultdict(list)
        async for message in self._new("/records/provider-messages"):
            provider, event_id, sends = message["provider"], str(message["reference"]), message["sends"]
            # SOLAPI also keeps those that were only prepared.
            if sends:
                groups[message["groupId"]].append(event_id)
                is_delivered = message["stage"] == "DELIVERED"
                messages.append(AlimtalkMessage(provider, event_id, sends, is_delivered))
        replies_lost = [
            event_id
            async for request in self._new("/records/provider-requests")
            if request["fault"] == _REPLY_LOST and request["status"] == 200
            for event_id in _event_ids(request, groups)
        ]
        return AlimtalkRecords(tuple(messages), tuple(replies_lost))

    async def monitoring_notices(self) -> Counter[str]:
        """By event id, how many notices the receiver kept; one that came again with its key is not kept."""
        return Counter(
            [str(webhook["idempotencyKey"]) async for webhook in self._new("/webhooks/monitoring")]
        )

    def _new(self, path: str) -> AsyncIterator[dict[str, Any]]:
        return self._lists[path].after(self._begins[path])


def _lists(client: HttpClient, sandbox: str) -> dict[str, SandboxList]:
    return {path: SandboxList(client, sandbox + path, entries) for path, entries in _LISTS.items()}


def _event_ids(request: Mapping[str, Any], groups: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Of the messages that a request sent: SOLAPI's names their group, NHN's has them in the body.

    None of a group from before.
    """
    if request["provider"] == FIRST:
        *_, group_id, _ = request["target"].split("/")
        return groups.get(group_id, [])
    return [str(each["recipientGroupingKey"]) for each in json.loads(request["body"])["recipientList"]]
