"""A template as the provider has it, and what keeps ours from being sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from notification_service.domain.alimtalk_template import Template


class ApprovalState(StrEnum):
    """How far Kakao's review is."""

    REQUESTED = "REQUESTED"
    IN_REVIEW = "IN_REVIEW"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    """The provider has a state that isn't known here, and judges itself what it sends."""


_MAY_BE_SENT = frozenset({ApprovalState.APPROVED, ApprovalState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class RegisteredTemplate:
    """``buttons`` are the kind and the name of each, in their order; None if the provider doesn't say."""

    content: str
    state: ApprovalState
    buttons: Sequence[tuple[str, str]] | None = None


def obstacle(template: Template, registered: RegisteredTemplate | None) -> str | None:
    """Why Kakao would reject the template's messages; None if it would not."""
    if registered is None:
        return "the provider has no template of this code"
    if registered.state not in _MAY_BE_SENT:
        return f"it is not approved: {registered.state.value}"
    if _lines(registered.content) != _lines(template.content):
        return "its content differs from the one that is registered"
    own = [(button.kind.value, button.name) for button in template.buttons]
    if registered.buttons is not None and list(registered.buttons) != own:
        return "its buttons differ from those that are registered"
    return None


def _lines(text: str) -> list[str]:
    # Providers may return other line ends than they were given, and drop those at the end.
    return text.rstrip().splitlines()
