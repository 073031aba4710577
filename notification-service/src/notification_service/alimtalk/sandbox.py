"""The sandbox provider of development and tests."""

from collections.abc import Mapping, Sequence

import httpx
from pydantic import BaseModel, Field

from notification_service.alimtalk.batches import sent_by_key
from notification_service.alimtalk.replies import MessageId, read_reply
from notification_service.application.ports import MaySend, Sent
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import Answer, ProviderResult, ResultState
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.errors import DeliveryRejected
from notification_service.domain.failure_reason import FailureReason
from notification_service.http_client import excerpt, exchange, unexpected


class _Accepted(BaseModel):
    message_id: MessageId = Field(alias="messageId")


class _Messages(BaseModel):
    messages: list[_Accepted]


class _Result(BaseModel):
    reference: str
    message_id: MessageId | None = Field(alias="messageId")

    @property
    def sent(self) -> Sent:
        return self.message_id or DeliveryRejected(FailureReason.REJECTED, "the provider rejected it")


class _BatchReply(BaseModel):
    results: list[_Result]


class SandboxBatches:
    """Several messages in one request."""

    # With the longest texts, they fit into what the sandbox reads of a body.
    most = 20

    def __init__(self, client: httpx.Client, messages_url: httpx.URL) -> None:
        self._client = client
        self._url = f"{messages_url}/batch"

    def send(self, messages: Sequence[AlimtalkMessage], may_send: MaySend) -> Sequence[Sent]:
        body = {"messages": [_body_of(message) for message in messages]}
        request = self._client.build_request("POST", self._url, json=body)
        response = _accepted(exchange(self._client, request, may_send))
        results = read_reply(response, _BatchReply).results
        references = [message.reference for message in messages]
        return sent_by_key(references, ((each.reference, each.sent) for each in results), response)


class SandboxAlimtalkProvider:
    """Calls deploy/sandbox over HTTP.

    Its acceptance is final: the sandbox keeps a message where tests and the demo look for what the buyer got,
    and has no later step that could fail.
    """

    name = "sandbox"
    can_look_up = True
    accepts_finally = True
    keeps_unsent = False
    results_at_once = 1_000

    def __init__(self, client: httpx.Client, base_url: str) -> None:
        self._client = client
        self._messages_url = httpx.URL(f"{base_url.rstrip('/')}/alimtalk/v1/messages")
        self.batches = SandboxBatches(client, self._messages_url)

    def find(self, message: AlimtalkMessage) -> str | None:
        request = self._client.build_request(
            "GET",
            self._messages_url,
            params={"reference": message.reference, "limit": 1 + len(message.failed_ids)},
        )
        response = exchange(self._client, request)
        if response.status_code != httpx.codes.OK:
            raise unexpected(response)
        found = (each.message_id for each in read_reply(response, _Messages).messages)
        return next((message_id for message_id in found if message_id not in message.failed_ids), None)

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        request = self._client.build_request("POST", self._messages_url, json=_body_of(message))
        response = _accepted(exchange(self._client, request, may_send))
        return read_reply(response, _Accepted).message_id

    def asked_together(self, awaited: AwaitedResult) -> str:
        return self.name

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        """DELIVERED for every id: the sandbox accepts nothing that it doesn't keep."""
        return Answer(
            [ProviderResult(each.message_id, None, ResultState.DELIVERED, None) for each in awaited]
        )


def _body_of(message: AlimtalkMessage) -> Mapping[str, object]:
    return {
        "reference": message.reference,
        "templateCode": message.template_code,
        "recipientNo": message.recipient_number,
        "variables": dict(message.variables),
        "content": message.content,
    }


def _accepted(response: httpx.Response) -> httpx.Response:
    if response.status_code in {httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY}:
        detail = f"the provider rejected the message: {excerpt(response)}"
        raise DeliveryRejected(FailureReason.REJECTED, detail)
    if response.status_code != httpx.codes.OK:
        raise unexpected(response)
    return response
