"""The sandbox provider of development and tests."""

from collections.abc import Sequence

import httpx
from pydantic import BaseModel, Field

from notification_service.alimtalk.replies import MessageId, read_reply
from notification_service.application.ports import MaySend
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
        request = self._client.build_request(
            "POST",
            self._messages_url,
            json={
                "reference": message.reference,
                "templateCode": message.template_code,
                "recipientNo": message.recipient_number,
                "variables": dict(message.variables),
                "content": message.content,
            },
        )
        response = exchange(self._client, request, may_send)
        if response.status_code in {httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY}:
            detail = f"the provider rejected the message: {excerpt(response)}"
            raise DeliveryRejected(FailureReason.REJECTED, detail)
        if response.status_code != httpx.codes.OK:
            raise unexpected(response)
        return read_reply(response, _Accepted).message_id

    def asked_together(self, awaited: AwaitedResult) -> str:
        return self.name

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        """DELIVERED for every id: the sandbox accepts nothing that it doesn't keep."""
        return Answer(
            [ProviderResult(each.message_id, None, ResultState.DELIVERED, None) for each in awaited]
        )
