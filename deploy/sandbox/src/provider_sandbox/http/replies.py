"""What clients receive."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Self

from provider_sandbox.controls import Faults
from provider_sandbox.providers.clock import ClockControl
from provider_sandbox.providers.controls import AligoFaults, NhnFaults, SensFaults, SolapiFaults
from provider_sandbox.providers.messages import ProviderMessage
from provider_sandbox.providers.request_record import ProviderRequest
from provider_sandbox.providers.templates import Template
from provider_sandbox.record import Message, Webhook
from servicekit.fields import JsonModel
from servicekit.rfc3339 import format_rfc3339

_Numbered = Message | Webhook | ProviderMessage | ProviderRequest


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
    nhn: NhnFaults
    solapi: SolapiFaults
    sens: SensFaults
    aligo: AligoFaults
    clock: ClockControl


class ProviderTotals(JsonModel):
    """What one provider's double has accepted, by what became of it; references that were sent twice."""

    accepted: int
    delivered: int
    failed: int
    doubled_references: int


class RecordsReply(JsonModel):
    """Totals of what was received. A message sent twice shows as more messages than references."""

    messages: int
    message_references: int
    webhooks: int
    webhook_repetitions: int
    providers: dict[str, ProviderTotals]


class ProviderMessageReply(JsonModel):
    """A message of a double. ``sends`` counts how often it was sent; ``stage`` is what has become of it."""

    provider: str
    message_id: str
    group_id: str
    reference: str
    template_code: str
    recipient_no: str
    variables: dict[str, str]
    content: str
    accepted_at: str
    sends: int
    stage: str
    result_code: str | None


class ProviderMessagesReply(JsonModel):
    """A page of messages. ``next`` is null on the last page."""

    messages: list[ProviderMessageReply]
    next: int | None

    @classmethod
    def of(cls, messages: Sequence[ProviderMessage], limit: int) -> Self:
        replies = [
            ProviderMessageReply(
                provider=message.provider,
                message_id=message.message_id,
                group_id=message.group_id,
                reference=message.reference,
                template_code=message.template_code,
                recipient_no=message.recipient_no,
                variables=message.variables,
                content=message.content,
                accepted_at=_time(message.accepted_at),
                sends=message.sends,
                stage=message.stage,
                result_code=message.result_code if message.has_result else None,
            )
            for message in messages
        ]
        return cls(messages=replies, next=_next(messages, limit))


class ProviderRequestReply(JsonModel):
    """A request to a double. ``status`` is null until it is answered."""

    provider: str
    method: str
    target: str
    body: str
    idempotency_key: str | None
    received_at: str
    status: int | None
    fault: str | None


class ProviderRequestsReply(JsonModel):
    """A page of requests. ``next`` is null on the last page."""

    requests: list[ProviderRequestReply]
    next: int | None

    @classmethod
    def of(cls, requests: Sequence[ProviderRequest], limit: int) -> Self:
        replies = [
            ProviderRequestReply(
                provider=request.provider,
                method=request.method,
                target=request.target,
                body=request.body,
                idempotency_key=request.idempotency_key,
                received_at=_time(request.received_at),
                status=request.status,
                fault=request.fault,
            )
            for request in requests
        ]
        return cls(requests=replies, next=_next(requests, limit))


class TemplateReply(JsonModel):
    """A template as every provider has it."""

    code: str
    content: str
    status: str


class TemplatesReply(JsonModel):
    """All templates."""

    templates: list[TemplateReply]

    @classmethod
    def of(cls, templates: Sequence[Template]) -> Self:
        return cls(templates=[TemplateReply(**asdict(template)) for template in templates])


def _next(page: Sequence[_Numbered], limit: int) -> int | None:
    return page[-1].sequence if len(page) == limit else None


def _time(epoch: float) -> str:
    return format_rfc3339(datetime.fromtimestamp(epoch, UTC))
