"""A message as every double keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from provider_sandbox.providers.outcomes import Kind, Outcome

Stage = Literal["UNSENT", "PENDING", "DELIVERED", "FAILED", "UNKNOWN", "REFUSED", "FALLBACK"]
"""PENDING: sent, no result yet. FALLBACK: failed, and the SMS in its place has no result yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """``reference`` is our id of the message, or stands for it; ``fields`` are what the provider repeats."""

    message_id: str
    group_id: str
    position: int
    reference: str
    template_code: str
    recipient_no: str
    variables: Mapping[str, str]
    content: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage(_Message):
    """A message to be kept. ``outcome`` is None as long as it isn't sent."""

    outcome: Outcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderMessage(_Message):
    """A kept message as it is at one moment, which decides its ``stage``. Times are epoch seconds."""

    sequence: int
    provider: str
    accepted_at: float
    sends: int
    result_code: str | None
    result_kind: Kind | None
    result_at: float | None
    fallback_kind: Kind | None
    fallback_at: float | None
    stage: Stage

    @property
    def has_result(self) -> bool:
        """The alimtalk's result is known; that of an SMS in its place may not be."""
        return self.stage not in ("UNSENT", "PENDING")

    @property
    def known_code(self) -> str | None:
        """The result's code once there is one."""
        return self.result_code if self.has_result else None

    @property
    def is_replaced(self) -> bool:
        """An SMS in its place has a result."""
        return self.fallback_kind is not None and self.stage in ("DELIVERED", "FAILED")
