"""Types of the fields in requests, replies and events."""

import re
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

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

from servicekit.rfc3339 import format_rfc3339

MAX_INT64 = 2**63 - 1


def _storable(value: str) -> str:
    # PostgreSQL's text can't hold NUL, nor half of a surrogate pair, which JSON can spell.
    if "\x00" in value:
        raise ValueError("must not contain the NUL character")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("must not contain a lone surrogate")
    return value


def _decimal_digits(value: object) -> object:
    # int() also accepts signs, underscores, blanks, other scripts' digits, and is slow on a very long text.
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= 19):
        raise ValueError("must be a positive 64-bit integer in decimal digits")
    return value


# The years keep every offset's UTC within what Python and PostgreSQL can hold.
_RFC3339 = re.compile(
    r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def _written_time(value: object) -> object:
    # Anything else might pass for a time too: pydantic takes a number for seconds since 1970.
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return value
    raise ValueError("must be a time with an offset as in RFC 3339, of the years 1000 to 2999")


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


PositiveInt64 = Annotated[int, Field(strict=True, ge=1, le=MAX_INT64)]
"""In a JSON body: an integer and nothing that merely looks like one."""

PathInt64 = Annotated[int, BeforeValidator(_decimal_digits), Field(ge=1, le=MAX_INT64)]
"""In a path or a query: the decimal digits of a positive 64-bit integer."""

Time = Annotated[
    AwareDatetime,
    BeforeValidator(_written_time),
    AfterValidator(_in_utc),
    PlainSerializer(format_rfc3339, return_type=str),
]
"""RFC 3339 with an offset; kept and written in UTC with microseconds."""


Storable = AfterValidator(_storable)
"""For a string that PostgreSQL can hold. It comes last, after limits that pydantic then words for a string::

    Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100), Storable]
"""

Operator = Annotated[
    str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=200), Storable
]
"""The name of a person who changes something by hand; stored and logged."""

Reason = Annotated[
    str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=1_000), Storable
]
"""Why they do."""


class DescribedModel(BaseModel):
    """A model whose JSON Schema is made once: an application asks for it in each of its routes."""

    @classmethod
    def model_json_schema(cls, *arguments: Any, **options: Any) -> dict[str, Any]:
        """As pydantic's, whose arguments must be hashable here."""
        # A copy: the caller may change it.
        return deepcopy(_json_schema(cls, arguments, tuple(options.items())))


@cache
def _json_schema(
    model: type[DescribedModel], arguments: tuple[Any, ...], options: tuple[tuple[str, Any], ...]
) -> dict[str, Any]:
    return super(DescribedModel, model).model_json_schema(*arguments, **dict(options))


class JsonModel(DescribedModel):
    """A JSON object with camelCase names that refuses what it doesn't know; made here by field names."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, allow_inf_nan=False
    )


class RequestModel(JsonModel):
    """A JSON object from outside: it has camelCase names and no others."""

    model_config = ConfigDict(populate_by_name=False)
