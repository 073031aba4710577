"""What clients send."""

from typing import Annotated

from pydantic import Field, StringConstraints

from provider_sandbox.clock import ClockControl
from provider_sandbox.operating.pages import PageQuery
from provider_sandbox.providers.controls import AligoFaults, Faults, NhnFaults, SensFaults, SolapiFaults
from provider_sandbox.providers.names import ProviderName
from provider_sandbox.providers.templates import TemplateStatus
from servicekit.fields import Storable
from servicekit.http.models import BodyModel, PathModel


class MessagesQuery(PageQuery):
    """All messages, or those with one reference."""

    reference: str | None = None


class MessageBody(BodyModel):
    """A message: the finished text, and the variables with which its template becomes that text."""

    reference: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100), Storable]
    template_code: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=30), Storable]
    recipient_no: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=30), Storable]
    variables: Annotated[dict[str, str], Field(max_length=40)] = Field(default_factory=dict)
    content: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1000), Storable]


class BatchBody(BodyModel):
    """Several messages, each of which is accepted or rejected by itself."""

    messages: Annotated[list[MessageBody], Field(min_length=1, max_length=100)]


class ControlsBody(BodyModel):
    """What is left out keeps its faults. For a receiver or a provider that is named, faults left out end."""

    alimtalk: Faults | None = None
    monitoring: Faults | None = None
    nhn: NhnFaults | None = None
    solapi: SolapiFaults | None = None
    sens: SensFaults | None = None
    aligo: AligoFaults | None = None
    clock: ClockControl | None = None


class ProviderRequestsQuery(PageQuery):
    """All requests to the doubles of real providers, or those to one of them."""

    provider: ProviderName | None = None


class ProviderMessagesQuery(ProviderRequestsQuery):
    """Their messages, or those with one reference."""

    reference: str | None = None


class TemplatePath(PathModel):
    """The code of a template."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class TemplateBody(BodyModel):
    """A template as every provider has it from now on."""

    content: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1000), Storable]
    status: TemplateStatus = "APPROVED"
