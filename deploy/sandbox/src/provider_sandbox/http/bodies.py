"""What clients send."""

from typing import Annotated

from pydantic import Field, StringConstraints

from provider_sandbox.controls import Faults
from servicekit.fields import Storable
from servicekit.http.models import BodyModel, QueryModel


class PageQuery(QueryModel):
    """A page of a list. ``after`` is the ``next`` of the page before it; 0 is the beginning."""

    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


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


class ControlsBody(BodyModel):
    """A receiver that is left out keeps its faults. For a receiver that is named, faults left out end."""

    alimtalk: Faults | None = None
    monitoring: Faults | None = None
