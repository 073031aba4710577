"""A refusal in the words of the provider that gives it."""

from collections.abc import Mapping
from typing import Any, Protocol


class Refusal(Exception):
    """The request is refused with this reply."""

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.body = body
        self.headers = dict(headers or {})
        super().__init__(f"{status}: {body}")


class Refusals(Protocol):
    """How one provider says no."""

    def throttled(self) -> Refusal:
        """Too many calls."""

    def failing(self) -> Refusal:
        """A failure of the provider."""

    def invalid(self, detail: str) -> Refusal:
        """A request that isn't well formed."""

    def rejected(self, code: str | None) -> Refusal:
        """A well-formed request, for the reason that ``code`` gives; None is the provider's own choice."""
