"""What a request consists of: a model for its path, one for its query, one for its body.

A route names its parameters ``path``, ``query`` and ``body``, and annotates each with a model derived from
here. The base class says which part of the request an invalid field belongs to.
"""

from typing import Any, ClassVar, Literal, Self

from pydantic import ValidationError

from servicekit.fields import RequestModel

Part = Literal["path", "query", "body"]


class InvalidRequest(Exception):
    """A part of the request doesn't fit its model."""

    def __init__(self, part: Part, error: ValidationError) -> None:
        self.part = part
        self.error = error
        super().__init__(f"{part}: {error.error_count()} invalid fields")


class _PartModel(RequestModel):
    part: ClassVar[Part]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Raises :class:`InvalidRequest` in place of pydantic's error, which knows the class's name alone."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise InvalidRequest(cls.part, error) from None


class PathModel(_PartModel):
    """The variables of a route's path."""

    part = "path"


class QueryModel(_PartModel):
    """The parameters of a query."""

    part = "query"


class BodyModel(_PartModel):
    """A JSON body. Objects inside of it derive from :class:`servicekit.fields.RequestModel`."""

    part = "body"
