"""What NHN answers to requests about messages."""

from collections.abc import Sequence
from typing import Annotated

import httpx
from pydantic import BaseModel, Field, StringConstraints

from notification_service.alimtalk.nhn.identifiers import PlaceInBatch
from notification_service.alimtalk.nhn.requests import NAME
from notification_service.alimtalk.refusals import refused_look_up
from notification_service.alimtalk.replies import Code, MessageId, NumericCode
from notification_service.domain.alimtalk_codes import NHN_CODES
from notification_service.domain.errors import DeliveryFailed
from notification_service.http_client import excerpt
from servicekit.fields import Storable

_ALL_RECIPIENTS_FAILED = -1031

_Reference = Annotated[str, StringConstraints(strict=True, max_length=100), Storable]


class Header(BaseModel):
    """Of each reply."""

    result_code: NumericCode = Field(alias="resultCode")
    is_successful: bool = Field(alias="isSuccessful", strict=True)

    @property
    def says_success(self) -> bool:
        return self.is_successful and self.result_code == 0


class SendResult(BaseModel):
    """What became of one recipient. ``number`` is the recipient's in the request."""

    result_code: NumericCode = Field(alias="resultCode")
    number: int | None = Field(default=None, alias="recipientSeq")
    reference: str | None = Field(default=None, alias="recipientGroupingKey")


class _SentMessage(BaseModel):
    request_id: MessageId | None = Field(default=None, alias="requestId")
    send_results: list[SendResult] = Field(alias="sendResults")


class SendReply(BaseModel):
    """To a request that sends messages."""

    header: Header
    message: _SentMessage | None = None

    @property
    def request_id(self) -> str | None:
        return self.message.request_id if self.message else None

    @property
    def results(self) -> Sequence[SendResult] | None:
        """Those of the recipients; None if the header speaks for all. It says little of a recipient."""
        is_about_each = self.header.says_success or self.header.result_code == _ALL_RECIPIENTS_FAILED
        return self.message.send_results if self.message and is_about_each else None


class Report(BaseModel):
    """What lists and webhooks say of a message alike."""

    request_id: MessageId = Field(alias="requestId")
    recipient_seq: object = Field(default=None, alias="recipientSeq")
    sender_grouping_key: object = Field(default=None, alias="senderGroupingKey")
    recipient_grouping_key: _Reference | None = Field(default=None, alias="recipientGroupingKey")
    result_code: Code | None = Field(default=None, alias="resultCode")

    @property
    def message_id(self) -> str:
        place = PlaceInBatch.reported(self.request_id, self.recipient_seq, self.sender_grouping_key)
        return self.request_id if place is None else place.message_id


class StoredMessage(Report):
    """A message in a list."""

    message_status: Code | None = Field(default=None, alias="messageStatus")
    resend_status: Code | None = Field(default=None, alias="resendStatus")


class Found(BaseModel):
    """Messages that can all be read."""

    messages: list[StoredMessage]
    total_count: Annotated[int, Field(strict=True, ge=0)] | None = Field(default=None, alias="totalCount")


class SearchReply(BaseModel):
    """To the question for one message."""

    header: Header
    found: Found | None = Field(default=None, alias="messageSearchResultResponse")


class Listed(BaseModel):
    """Messages that are still to be read, one by one."""

    messages: list[object]
    total_count: int | None = Field(default=None, alias="totalCount", strict=True)


class ListReply(BaseModel):
    """To the question for many messages."""

    header: Header
    found: Listed | None = Field(default=None, alias="messageSearchResultResponse")


def look_up_refusal(header: Header, response: httpx.Response) -> DeliveryFailed:
    """The error for a header that says no success, in the answer to a question."""
    code = str(header.result_code)
    return refused_look_up(NAME, code, NHN_CODES.class_of(code), excerpt(response))
