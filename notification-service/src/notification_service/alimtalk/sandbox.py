"""The sandbox provider of development and tests."""

from typing import Annotated, TypeVar

import httpx
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from notification_service.application.ports import MaySend
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from notification_service.domain.errors import DeliveryRejected, OutcomeUnknown
from notification_service.domain.failure_reason import FailureReason
from notification_service.http_client import excerpt, exchange, unexpected
from servicekit.fields import Storable

_ReplyT = TypeVar("_ReplyT", bound=BaseModel)

# The database stores it: an id that can't be stored counts as none.
_MessageId = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200), Storable]


class _Accepted(BaseModel):
    message_id: _MessageId = Field(alias="messageId")


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

    def __init__(self, client: httpx.Client, base_url: str) -> None:
        self._client = client
        self._messages_url = f"{base_url.rstrip('/')}/alimtalk/v1/messages"

    def find(self, message: AlimtalkMessage) -> str | None:
        request = self._client.build_request(
            "GET", self._messages_url, params={"reference": message.reference, "limit": 1}
        )
        response = exchange(self._client, request)
        if response.status_code != httpx.codes.OK:
            raise unexpected(response)
        found = _read(response, _Messages).messages
        return found[0].message_id if found else None

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
        return _read(response, _Accepted).message_id

    def result(self, message_id: str) -> ProviderResult | None:
        """DELIVERED for every id: the sandbox accepts nothing that it doesn't keep."""
        return ProviderResult(message_id, None, ResultState.DELIVERED, None, by_sms=False)


def _read(response: httpx.Response, model: type[_ReplyT]) -> _ReplyT:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        detail = f"the provider's reply is malformed: {excerpt(response)}"
        raise OutcomeUnknown(FailureReason.MALFORMED_REPLY, detail) from error
