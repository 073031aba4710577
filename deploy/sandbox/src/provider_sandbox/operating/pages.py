"""Lists that come in pages, and replies that are made of what is kept."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Protocol, Self

from pydantic import BeforeValidator, ConfigDict, Field

from servicekit.fields import JsonModel
from servicekit.http.models import QueryModel
from servicekit.rfc3339 import format_rfc3339


class Numbered(Protocol):
    """What is kept in an order."""

    @property
    def sequence(self) -> int: ...


class PageQuery(QueryModel):
    """A page of a list. ``after`` is the ``next`` of the page before it; 0 is the beginning."""

    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class KeptReply(JsonModel):
    """Something that is kept: its fields of the same names."""

    model_config = ConfigDict(from_attributes=True)


class PageReply(JsonModel):
    """A page of a list, which is the other field. ``next`` is null on the last page."""

    next: int | None

    @classmethod
    def of(cls, kept: Sequence[Numbered], limit: int) -> Self:
        (name,) = cls.model_fields.keys() - {"next"}
        return cls.model_validate({name: kept, "next": kept[-1].sequence if len(kept) == limit else None})


def _written(epoch: float) -> str:
    return format_rfc3339(datetime.fromtimestamp(epoch, UTC))


Moment = Annotated[str, BeforeValidator(_written)]
"""RFC 3339, made of epoch seconds."""


class KeptRequestReply(KeptReply):
    """A request to a double. ``status`` is null until it is answered, and if it never is."""

    method: str
    target: str
    body: str
    idempotency_key: str | None
    received_at: Moment
    status: int | None
    fault: str | None
