"""What clients receive."""

from typing import Any, Literal

from pydantic import Field, Json

from provider_sandbox.clock import ClockControl
from provider_sandbox.operating.pages import KeptReply, KeptRequestReply, Moment, PageReply
from provider_sandbox.providers.controls import AligoFaults, Faults, NhnFaults, SensFaults, SolapiFaults
from servicekit.fields import JsonModel


class AcceptedReply(JsonModel):
    """The provider's id of a message that it has accepted."""

    message_id: str
    status: str = "ACCEPTED"


class BatchResult(JsonModel):
    """What became of one message of a batch; without an id it was rejected."""

    reference: str
    message_id: str | None
    status: Literal["ACCEPTED", "REJECTED"]


class BatchReply(JsonModel):
    """A result for each message, in their order."""

    results: list[BatchResult]


class MessageReply(KeptReply):
    """An accepted message."""

    message_id: str
    reference: str
    template_code: str
    recipient_no: str
    variables: Json[dict[str, str]]
    content: str
    accepted_at: str
    status: str = "ACCEPTED"


class MessagesReply(PageReply):
    """A page of messages. ``next`` is null on the last page."""

    messages: list[MessageReply]


class WebhookReply(KeptReply):
    """A monitoring event; ``repetitions`` counts how often its key was sent again."""

    idempotency_key: str
    body: Json[dict[str, Any]]
    received_at: str
    repetitions: int


class WebhooksReply(PageReply):
    """A page of events. ``next`` is null on the last page."""

    webhooks: list[WebhookReply]


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


class ProviderMessageReply(KeptReply):
    """A message of a double. ``sends`` counts how often it was sent; ``stage`` is what has become of it."""

    provider: str
    message_id: str
    group_id: str
    reference: str
    template_code: str
    recipient_no: str
    variables: dict[str, str]
    content: str
    accepted_at: Moment
    sends: int
    stage: str
    result_code: str | None = Field(validation_alias="known_code")


class ProviderMessagesReply(PageReply):
    """A page of messages. ``next`` is null on the last page."""

    messages: list[ProviderMessageReply]


class ProviderRequestReply(KeptRequestReply):
    """A request to a double. ``status`` is null until it is answered."""

    provider: str


class ProviderRequestsReply(PageReply):
    """A page of requests. ``next`` is null on the last page."""

    requests: list[ProviderRequestReply]


class TemplateReply(KeptReply):
    """A template as every provider has it."""

    code: str
    content: str
    status: str


class TemplatesReply(KeptReply):
    """All templates."""

    templates: list[TemplateReply]
