"""What the external services have on record: alimtalk providers and the monitoring receiver."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from shop_demo.alimtalk_providers import FIRST, OWN
from shop_demo.facts import AlimtalkMessage
from shop_demo.http_client import HttpClient

_PAGE_SIZE = 1_000
_REPLY_LOST = "timeout_after_accept_next"


@dataclass(frozen=True, slots=True)
class AlimtalkRecords:
    """The messages of all providers, and the event ids of those that were sent without a reply."""

    messages: tuple[AlimtalkMessage, ...]
    replies_lost: tuple[str, ...]


async def alimtalk_records(client: HttpClient, sandbox: str) -> AlimtalkRecords:
    messages = [
        AlimtalkMessage(OWN, str(message["reference"]))
        async for message in _pages(client, f"{sandbox}/alimtalk/v1/messages", "messages")
    ]
    groups: dict[str, str] = {}
    async for message in _pages(client, f"{sandbox}/records/provider-messages", "messages"):
        provider, event_id, sends = message["provider"], str(message["reference"]), message["sends"]
        groups[message["groupId"]] = event_id
        # SOLAPI also keeps those that were only prepared.
        if sends:
            is_delivered = message["stage"] == "DELIVERED"
            messages.append(AlimtalkMessage(provider, event_id, sends, is_delivered))
    replies_lost = [
        _event_id(request, groups)
        async for request in _pages(client, f"{sandbox}/records/provider-requests", "requests")
        if request["fault"] == _REPLY_LOST and request["status"] == 200
    ]
    return AlimtalkRecords(tuple(messages), tuple(replies_lost))


async def monitoring_notices(client: HttpClient, sandbox: str) -> Counter[str]:
    """By event id, how many notices the receiver kept; one that came again with its key is not kept."""
    pages = _pages(client, f"{sandbox}/webhooks/monitoring", "webhooks")
    return Counter([str(webhook["idempotencyKey"]) async for webhook in pages])


def _event_id(request: Mapping[str, Any], groups: Mapping[str, str]) -> str:
    """Of the message that a request sent: SOLAPI's names its group, NHN's has it in the body."""
    if request["provider"] == FIRST:
        *_, group_id, _ = request["target"].split("/")
        return groups[group_id]
    return str(json.loads(request["body"])["recipientList"][0]["recipientGroupingKey"])


async def _pages(client: HttpClient, url: str, field: str) -> AsyncIterator[dict[str, Any]]:
    after: int | None = 0
    while after is not None:
        page = await client.get(url, after=after, limit=_PAGE_SIZE)
        for entry in page[field]:
            yield entry
        after = page["next"]
