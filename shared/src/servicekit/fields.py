"""Types of the fields in requests, replies and events."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)
from pydantic.alias_generators import to_camel

MAX_INT64 = 2**63 - 1


def _without_nul(value: str) -> str:
    # PostgreSQL's text can't hold it.
    if "\x00" in value:
        raise ValueError("must not contain the NUL character")
    return value


def _decimal_digits(value: object) -> object:
    # int() also accepts signs, underscores, blanks, other scripts' digits, and is slow on a very long text.
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= 19):
        raise ValueError("must be a positive 64-bit integer in decimal digits")
    return value


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def _rfc3339(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


PositiveInt64 = Annotated[int, Field(strict=True, ge=1, le=MAX_INT64)]
"""In a JSON body: an integer and nothing that merely looks like one."""

PathInt64 = Annotated[int, BeforeValidator(_decimal_digits), Field(ge=1, le=MAX_INT64)]
"""In a path or a query: the decimal digits of a positive 64-bit integer."""

Time = Annotated[AwareDatetime, AfterValidator(_in_utc), PlainSerializer(_rfc3339, return_type=str)]
"""RFC 3339 with an offset; kept and told in UTC with microseconds."""


def bounded_text(max_length: int, min_length: int = 1) -> type[str]:
    """A string of ``min_length`` to ``max_length`` characters that PostgreSQL can hold."""
    return Annotated[  # type: ignore[return-value]  # an annotated str is a str to the reader
        str,
        StringConstraints(strict=True, min_length=min_length, max_length=max_length),
        AfterValidator(_without_nul),
    ]


class JsonModel(BaseModel):
    """A JSON object with camelCase names that refuses what it doesn't know."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, allow_inf_nan=False
    )
