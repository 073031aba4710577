"""What SOLAPI answers to requests about messages and groups."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from notification_service.alimtalk.replies import Code, MessageId
from servicekit.fields import Storable

REFERENCE = "reference"
"""The custom field with our reference of a message."""
BATCH = "batch"
"""The custom field with the number of messages in the group, if there are several."""
PENDING = "PENDING"
"""The status of a group that was not sent."""
DELETED = "DELETED"
"""The status of a group that is not sent any more; it may have been before."""
REGISTERED = "2000"
"""The code of a message that SOLAPI has taken into its group."""


class Group(BaseModel):
    """A group that was made, sent or asked for."""

    group_id: MessageId = Field(alias="groupId")
    status: Code
    date_sent: object = Field(default=None, alias="dateSent")

    @property
    def was_sent(self) -> bool:
        """Whether it says so. A group that was deleted has no other sign of it."""
        return self.date_sent is not None


class Registered(BaseModel):
    """What became of a message that was to be put into a group."""

    to: str | None = None
    message_id: MessageId | None = Field(default=None, alias="messageId")
    status_code: Code = Field(alias="statusCode")


class RegisterReply(BaseModel):
    """To a request that puts messages into a group."""

    results: list[Registered] = Field(alias="resultList")


class _CustomFields(BaseModel):
    reference: Annotated[str, StringConstraints(strict=True, max_length=100), Storable] | None = None
    batch: object = None


class StoredMessage(BaseModel):
    """What lists and webhooks say of a message alike."""

    message_type: Code | None = Field(default=None, alias="type")
    group_id: MessageId | None = Field(default=None, alias="groupId")
    status_code: Code | None = Field(default=None, alias="statusCode")
    custom_fields: _CustomFields | None = Field(default=None, alias="customFields")

    @property
    def reference(self) -> str | None:
        return self.custom_fields.reference if self.custom_fields else None

    @property
    def is_in_batch(self) -> bool:
        """Whether its group has others."""
        return self.custom_fields is not None and self.custom_fields.batch is not None


class ListReply(BaseModel):
    """A page of messages that can all be read."""

    messages: dict[MessageId, StoredMessage] = Field(alias="messageList")
    next_key: MessageId | None = Field(default=None, alias="nextKey")


class MessageList(BaseModel):
    """A page of messages that are still to be read, one by one."""

    messages: dict[object, object] = Field(alias="messageList")
    next_key: MessageId | None = Field(default=None, alias="nextKey")
