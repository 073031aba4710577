"""What clients receive."""

from collections.abc import Sequence
from typing import Any, Self

from provider_sandbox.controls import Faults
from provider_sandbox.record import Message, Webhook
from servicekit.fields import JsonModel


class AcceptedReply(JsonModel):
    """The provider's id of a message that it has accepted."""

    message_id: str
    status: str = "ACCEPTED"


class MessageReply(JsonModel):
    """An accepted message."""

    message_id: str
    reference: str
    template_code: str
    recipient_no: str
    variables: dict[str, str]
    content: str
    accepted_at: str
    status: str = "ACCEPTED"

    @classmethod
    def of(cls, message: Message) -> Self:
        return cls(
            message_id=message.message_id,
            reference=message.reference,
            template_code=message.template_code,
            recipient_no=message.recipient_no,
            variables=message.variables,
            content=message.content,
            accepted_at=message.accepted_at,
        )


class MessagesReply(JsonModel):
    """A page of messages. ``next`` is null on the last page."""

    messages: list[MessageReply]
    next: int | None

    @classmethod
    def of(cls, messages: Sequence[Message], limit: int) -> Self:
        return cls(messages=[MessageReply.of(message) for message in messages], next=_next(messages, limit))


class WebhookReply(JsonModel):
    """A monitoring event; ``repetitions`` counts how often its key was sent again."""

    idempotency_key: str
    body: dict[str, Any]
    received_at: str
    repetitions: int

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        return cls(
            idempotency_key=webhook.idempotency_key,
            body=webhook.body,
            received_at=webhook.received_at,
            repetitions=webhook.repetitions,
        )


class WebhooksReply(JsonModel):
    """A page of events. ``next`` is null on the last page."""

    webhooks: list[WebhookReply]
    next: int | None

    @classmethod
    def of(cls, webhooks: Sequence[Webhook], limit: int) -> Self:
        return cls(webhooks=[WebhookReply.of(webhook) for webhook in webhooks], next=_next(webhooks, limit))


class ControlsReply(JsonModel):
    """The faults still to come."""

    alimtalk: Faults
    monitoring: Faults


class RecordsReply(JsonModel):
    """Totals of what was received. A message sent twice shows as more messages than references."""

    messages: int
    message_references: int
    webhooks: int
    webhook_repetitions: int


def _next(page: Sequence[Message] | Sequence[Webhook], limit: int) -> int | None:
    return page[-1].sequence if len(page) == limit else None
